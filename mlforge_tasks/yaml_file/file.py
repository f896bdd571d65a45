"""A YAML file to a validated model, or every mistake in it at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlforge_tasks.errors import ContractError
from mlforge_tasks.yaml_file.problems import explain, line_of
from mlforge_tasks.yaml_file.tree import read_tree
from mlforge_tasks.yaml_file.units import FROM_YAML

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Model = TypeVar("Model", bound=BaseModel)


def read_model(
    path: Path, model: type[Model], *, context: Mapping[str, Any] | None = None
) -> Model:
    """Reads and validates a YAML file.

    Args:
        path: The file; error messages show it as it is given.
        model: What it must hold. Fields are matched by alias only.
        context: For the model's validators, as `info.context`.

    Raises:
        ContractError: Every mistake found, in line order; or the one that kept the file from
            being read at all.
    """
    tree = read_tree(path)
    problems = list(tree.problems)
    value: Model | None = None
    try:
        value = model.model_validate_json(
            json.dumps(tree.root.plain()),
            strict=True,
            context={**(context or {}), FROM_YAML: True},
            by_alias=True,
            by_name=False,
        )
    except ValidationError as error:
        found = explain(error, path, tree.root, model)
        problems += [one for one in found if one.field not in tree.unread]
    if value is None or problems:
        raise ContractError(tuple(sorted(problems, key=line_of)))
    return value
