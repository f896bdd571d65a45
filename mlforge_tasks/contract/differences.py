"""Where two contracts differ, field by field, as JSON has them."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mlforge_tasks.errors import in_order
from mlforge_tasks.yaml_file.units import format_bytes, format_share, format_us, format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LONGEST = 60
_POWER_UNITS = {"_uj": "uJ", "_uw": "uW", "_h": "h", "_c": "\u00b0C"}
# By the end of a field's name.
_WRITTEN: Mapping[str, Callable[[float], str]] = {
    "_bytes": format_bytes,
    "_us": format_us,
    "_share": format_share,
    **{end: partial(format_value, unit=unit) for end, unit in _POWER_UNITS.items()},
    "_s": lambda value: f"{value:g} s",
}

_UNITS = {"_bytes": "B", "_us": "us", **_POWER_UNITS, "_s": "s"}


class Difference(NamedTuple):
    """A field that differs.

    Attributes:
        field: Its dotted name.
        before: What one contract has; None where it has nothing.
        after: What the other has.
    """

    field: str
    before: object
    after: object


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[Difference]:
    """The fields of two contracts that differ, in their order.

    Args:
        before: A contract's `model_dump(mode="json")`.
        after: Another one's.
    """
    return list(_differing(before, after, ""))


def _differing(
    before: Mapping[str, object], after: Mapping[str, object], prefix: str
) -> Iterator[Difference]:
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differing(one, other, f"{prefix}{name}.")
        elif one != other:
            yield Difference(prefix + name, one, other)


def shown(field: str, value: object) -> str:
    """A field's value as a person writes it.

    Args:
        field: Its name, whose end tells a unit.
        value: What it has.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        for suffix, write in _WRITTEN.items():
            if field.endswith(suffix):
                return write(value)
        return f"{value:g}"
    if value is None:
        return "none"
    text = in_order(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def key(field: str) -> str:
    """A field's name as it stands in a contract: without its unit."""
    suffix = next((one for one in _WRITTEN if field.endswith(one)), "")
    return field.removesuffix(suffix)


def pair(one: Difference) -> tuple[str, str]:
    """What both contracts have as a person writes it; to the last digit where rounded it is one."""
    before, after = shown(one.field, one.before), shown(one.field, one.after)
    if before != after:
        return before, after
    unit = next((short for end, short in _UNITS.items() if one.field.endswith(end)), "")
    return f"{one.before!s} {unit}".strip(), f"{one.after!s} {unit}".strip()
