"""Turns pydantic's validation errors into problems with lines, in the words of the YAML file."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import Problem
from mlforge_tasks.yaml_file.mistakes import Mistake, Mistakes, closest
from mlforge_tasks.yaml_file.tree import Node, shorten

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from mlforge_tasks.yaml_file.mistakes import Location

A_MAPPING = "a mapping ('key: value' lines)"
_WANTED = {
    "greater_than": "a number greater than {gt:.12g}",
    "greater_than_equal": "a number of at least {ge:.12g}",
    "less_than": "a number less than {lt:.12g}",
    "less_than_equal": "a number of at most {le:.12g}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text (put it in quotes)",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "finite_number": "a finite number",
    "model_type": A_MAPPING,
    "model_attributes_type": A_MAPPING,
    "dict_type": A_MAPPING,
}
_QUOTED = re.compile(r"'([^']*)'")


def line_of(problem: Problem) -> int:
    """The line a problem is on."""
    return int(problem.where.rpartition(":")[2])


@dataclass(frozen=True)
class _Place:
    """Where an error is.

    Attributes:
        field: Keys and indices from the root.
        node: The value there; where there is none, the one that should hold it.
        exists: Whether the value is there.
        schema: JSON schema of the value.
    """

    field: tuple[str, ...]
    node: Node
    exists: bool
    schema: dict[str, Any]

    @property
    def found(self) -> str:
        """The value in a few words."""
        value = self.node.value
        if value is None or not self.exists:
            return "nothing"
        if isinstance(value, dict):
            return "a mapping"
        if isinstance(value, list):
            return "a list" if value else "an empty list"
        if isinstance(value, str):
            return shorten(value) if value else "empty text"
        return self.node.text

    def child(self, key: str) -> _Place:
        """The place of a key within, whether it is there or not."""
        inside = self.node.value
        exists = isinstance(inside, dict) and key in inside
        node = inside[key] if isinstance(inside, dict) and exists else self.node
        return replace(self, field=(*self.field, key), node=node, exists=exists, schema={})


@dataclass(frozen=True)
class _Finding:
    """A mistake before it becomes a `Problem`."""

    place: _Place
    found: str
    wanted: str
    suggestion: str | None = None

    @property
    def corrected(self) -> tuple[str, ...]:
        """The field that the suggestion names."""
        return (*self.place.field[:-1], self.suggestion or "")


def explain(
    error: ValidationError, path: Path, root: Node, model: type[BaseModel]
) -> list[Problem]:
    """Every mistake of a file that is YAML but does not fit its model.

    Args:
        error: What pydantic found.
        path: The file, for the messages.
        root: What was validated.
        model: What it should have been.
    """
    explainer = _Explainer(root, model)
    details = error.errors(include_url=False)
    unknown = [explainer.unknown_key(one) for one in details if one["type"] == "extra_forbidden"]
    # A misspelt key is one mistake, not also a missing one.
    corrected = {finding.corrected for finding in unknown}
    missing = [explainer.missing_key(one) for one in details if one["type"] == "missing"]
    findings = unknown + [one for one in missing if one.place.field not in corrected]
    for one in details:
        if one["type"] not in ("extra_forbidden", "missing") and not explainer.long_enough(one):
            findings += explainer.wrong_value(one)
    problems = [
        Problem(
            where=f"{path}:{finding.place.node.line}",
            field=".".join(shorten(part)[1:-1] for part in finding.place.field),
            found=finding.found,
            wanted=finding.wanted,
            suggestion=finding.suggestion,
        )
        for finding in findings
    ]
    return list(dict.fromkeys(problems))  # a list that is two too short is one mistake


def _wanted(details: ErrorDetails) -> str:
    known = _WANTED.get(details["type"])
    if known is None:
        return details["msg"].removeprefix("Input should be ")
    return known.format_map(details.get("ctx", {}))


@functools.cache
def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


class _Explainer:
    """Looks up errors in the file and in the model's JSON schema."""

    def __init__(self, root: Node, model: type[BaseModel]) -> None:
        self._root = root
        self._schema = _json_schema(model)

    def unknown_key(self, details: ErrorDetails) -> _Finding:
        parent = self._place(details["loc"][:-1])
        key = str(details["loc"][-1])
        allowed = list(parent.schema.get("properties", ()))
        unused = [name for name in allowed if not parent.child(name).exists]
        found = f"the unknown key {shorten(key)}"
        return _Finding(
            parent.child(key), found, f"one of {', '.join(allowed)}", closest(key, unused)
        )

    def missing_key(self, details: ErrorDetails) -> _Finding:
        parent = self._place(details["loc"][:-1])
        if isinstance(parent.node.value, list):
            return _Finding(parent, parent.found, f"a list of {parent.schema['minItems']}")
        key = str(details["loc"][-1])
        place = parent.child(key)
        return _Finding(place, "nothing", f"the key '{key}'")

    def long_enough(self, details: ErrorDetails) -> bool:
        """Whether a list was only found too short since pydantic leaves out what is wrong in it."""
        held = self._place(details["loc"]).node.value
        least = details.get("ctx", {}).get("min_length", 0)
        return details["type"] == "too_short" and isinstance(held, list) and len(held) >= least

    def wrong_value(self, details: ErrorDetails) -> list[_Finding]:
        cause = details.get("ctx", {}).get("error")
        if isinstance(cause, Mistakes):
            return [self._mistake(details["loc"], mistake) for mistake in cause.mistakes]
        if isinstance(cause, Mistake):
            return [self._mistake(details["loc"], cause)]
        place = self._place(details["loc"])
        if isinstance(cause, ValueError):
            return [_Finding(place, place.found, str(cause))]
        kind = details["type"]
        if kind in ("union_tag_invalid", "union_tag_not_found"):
            return [self._wrong_tag(place, details["ctx"]["discriminator"].strip("'"))]
        if kind in ("literal_error", "enum"):
            expected = details["ctx"]["expected"]
            suggestion = closest(str(place.node.value), _QUOTED.findall(expected))
            return [_Finding(place, place.found, expected, suggestion)]
        return [_Finding(place, place.found, _wanted(details))]

    def _mistake(self, loc: Location, mistake: Mistake) -> _Finding:
        place = self._place((*loc, *mistake.at))
        return _Finding(place, mistake.found or place.found, mistake.wanted, mistake.suggestion)

    def _wrong_tag(self, place: _Place, key: str) -> _Finding:
        """A union whose member is chosen by a key (`kind: csv`) that is missing or wrong."""
        choices = list(place.schema.get("discriminator", {}).get("mapping", ()))
        wanted = f"one of {', '.join(choices)}"
        if not isinstance(place.node.value, dict):
            return _Finding(place, place.found, A_MAPPING)
        tag = place.child(key)
        if not tag.exists:
            return _Finding(tag, "nothing", f"the key '{key}': {wanted}")
        return _Finding(tag, tag.found, wanted, closest(str(tag.node.value), choices))

    def _place(self, loc: Location) -> _Place:
        """Follows an error's location, which names union members as well as keys."""
        place = _Place((), self._root, exists=True, schema=self._resolve(self._schema))
        for part in loc:
            schema, node = place.schema, place.node
            members = schema.get("discriminator", {}).get("mapping", {})
            if part in members:
                place = replace(place, schema=self._resolve({"$ref": members[part]}))
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                place = replace(
                    place,
                    field=(*place.field, str(part)),
                    node=node.value[part],
                    schema=self._resolve(schema.get("items")),
                )
            else:
                inner = schema.get("properties", {}).get(part, schema.get("additionalProperties"))
                place = replace(place.child(str(part)), schema=self._resolve(inner))
        return place

    def _resolve(self, schema: Any) -> dict[str, Any]:
        """Follows references, and an optional value to the value."""
        while isinstance(schema, dict):
            members = [item for item in schema.get("anyOf", ()) if item.get("type") != "null"]
            if "$ref" in schema:
                schema = self._schema["$defs"][schema["$ref"].rpartition("/")[2]]
            elif len(members) == 1:
                schema = members[0]
            else:
                return schema
        return {}
