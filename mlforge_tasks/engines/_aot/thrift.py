"""Takes slower forms of operators where those decide what the arena takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.memory import least_bytes
from mlforge_tasks.engines._aot.program import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.program import Lowered

# Less memory than that is not worth any instruction.
_MOST_SHARE = 15 / 16


@dataclass(frozen=True)
class Thrifty:
    """Operators, and what no plan of them takes less than."""

    lowered: tuple[Lowered, ...]
    least_bytes: int


def thrifty_forms(graph: Graph, lowered: Sequence[Lowered]) -> tuple[Lowered, ...]:
    """The operators as of `thrifty`, whose memory nobody asks for where none has another form."""
    if not any(isinstance(form, Step) and form.thrifty for form in lowered):
        return tuple(lowered)
    return thrifty(graph, lowered).lowered


def thrifty(graph: Graph, lowered: Sequence[Lowered]) -> Thrifty:
    """The operators with `Step.thrifty` for those at which most memory is needed.

    These are taken one level after the other, for as long as each brings the next one down, and
    only if that saves a sixteenth.
    """
    needs = least_bytes(graph, lowered)
    whole = Thrifty(tuple(lowered), max(needs))
    found = whole
    while True:
        forms = list(found.lowered)
        for index, (form, need) in enumerate(zip(found.lowered, needs, strict=True)):
            if need == found.least_bytes and isinstance(form, Step) and form.thrifty:
                forms[index] = form.thrifty
        if tuple(forms) == found.lowered:
            break
        needs = least_bytes(graph, forms)
        if max(needs) >= found.least_bytes:
            break
        found = Thrifty(tuple(forms), max(needs))
    return found if found.least_bytes <= _MOST_SHARE * whole.least_bytes else whole
