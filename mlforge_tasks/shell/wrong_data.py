"""How a run ended whose data is not what the contract says, at the line that says it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.ci.outcome import Fault
from mlforge_tasks.shell import ended
from mlforge_tasks.yaml_file.places import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlforge_tasks.ci.outcome import Outcome
    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.shell.source import Source
    from mlforge_tasks.yaml_file.places import Place

SECTION = "dataset"
WHY = "not judged: the data is not what the contract says"
# What a message calls keys of a contract, and names of data.
_KEYS = re.compile(r"\b(?:dataset|goal)(?:\.[a-z_0-9]+)+")
_NAMES = re.compile(r"'([^'\n]+)'")


def unlike(plan: Plan, source: Source, code: int, messages: Iterable[str]) -> Outcome:
    """How it ended.

    Args:
        plan: What was run.
        source: Its contract.
        code: doit's exit code.
        messages: What is wrong with the data, one at least.
    """
    told = tuple(messages)
    found = source.places()
    known = ended.broken(plan, source, code, told)
    return replace(
        known,
        ending="data",
        broken=(),
        faults=tuple(_fault(one, source, found) for one in told),
        cases=tuple(replace(one, told=WHY, why=WHY) for one in known.cases),
    )


def _fault(message: str, source: Source, places: Mapping[str, Place]) -> Fault:
    key, place = nearest(places, _key(message, source, places))
    line = 1 if place is None else place.line
    return Fault(source.named(), line, key, message, place)


def _key(message: str, source: Source, places: Mapping[str, Place]) -> str:
    """The key that says what the data is not: one that has a name of the message, or is in it."""
    lines = source.data.decode("utf-8-sig", errors="replace").splitlines()
    for name in _NAMES.findall(message):
        for key, place in places.items():
            if key.startswith(f"{SECTION}.") and _text(place, lines) == name:
                return key
    named = (one for one in _KEYS.findall(message) if nearest(places, one)[0] == one)
    return next(named, SECTION)


def _text(place: Place, lines: list[str]) -> str | None:
    """A value as it is written, without quotes; None of what is no value on one line."""
    if not place.scalar or place.line != place.end_line or place.line > len(lines):
        return None
    return lines[place.line - 1][place.column - 1 : place.end_column - 1].strip("'\"")
