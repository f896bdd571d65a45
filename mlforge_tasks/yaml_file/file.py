"""A YAML file to a validated model, or every mistake in it at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlforge_tasks.errors import ContractError
from mlforge_tasks.yaml_file.problems import explain, line_of
from mlforge_tasks.yaml_file.tree import read_tree
from mlforge_tasks.yaml_file.units import FROM_YAML

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mlforge_tasks.errors import Problem
    from mlforge_tasks.yaml_file.tree import Node

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class View:
    """What of a file is read as one model.

    Attributes:
        root: Its values.
        places: Where a value of it stands in the file, by its own dotted key, where that differs.
    """

    root: Node
    places: Mapping[str, str] = field(default_factory=dict)

    def placed(self, problem: Problem) -> Problem:
        """The same mistake, by the key that it has in the file."""
        for own, other in self.places.items():
            if problem.field == own or problem.field.startswith(f"{own}."):
                return replace(problem, field=other + problem.field.removeprefix(own))
        return problem


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
    (value,) = read_views(path, model, _whole, context=context)
    return value


def read_views(
    path: Path,
    model: type[Model],
    apart: Callable[[Node], Sequence[View]],
    *,
    context: Mapping[str, Any] | None = None,
) -> tuple[Model, ...]:
    """Reads and validates a YAML file that holds several models, which have much in common.

    Args:
        path: As of `read_model`.
        model: What each must be.
        apart: What of the file is which; it raises ContractError where that cannot be told.
        context: As of `read_model`.

    Raises:
        ContractError: As of `read_model`; a mistake that several have is told once.
    """
    tree = read_tree(path)
    problems = list(tree.problems)
    values = []
    for view in apart(tree.root):
        try:
            values.append(_validated(view.root, model, context or {}))
        except ValidationError as error:
            found = map(view.placed, explain(error, path, view.root, model))
            problems += [one for one in found if one.field not in tree.unread]
    if problems:
        raise ContractError(tuple(sorted(dict.fromkeys(problems), key=line_of)))
    return tuple(values)


def _whole(root: Node) -> tuple[View, ...]:
    return (View(root),)


def _validated(root: Node, model: type[Model], context: Mapping[str, Any]) -> Model:
    return model.model_validate_json(
        json.dumps(root.plain()),
        strict=True,
        context={**context, FROM_YAML: True},
        by_alias=True,
        by_name=False,
    )
