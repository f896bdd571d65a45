"""The architecture: what the best candidate's model file computes, drawn top down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.page.found import MODEL
from mlforge_tasks.page.network import places
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.page.network import Place

# Between two lanes, in pixels; closer where there are so many that a phone could not show them.
_LANE, _WIDEST = 16, 112


def _pitch(lanes: int) -> float:
    return min(_LANE, round(_WIDEST / lanes, 2))


def _lanes(drawn: tuple[Place, ...]) -> int:
    return 1 + max((max((*one.row.past, one.row.ends[1])) for one in drawn), default=0)


def section(found: Found) -> Section | None:
    """The model file of the best candidate."""
    path = found.file(found.best, "quantise", MODEL)
    if path is None:
        return None
    content = path.read_bytes()
    drawn = places(content)
    lanes = _lanes(drawn)
    body = fill(
        "architecture.html",
        candidate=found.best,
        untrained=found.untrained(found.best),
        places=drawn,
        operators=sum(one.number is not None for one in drawn),
        branches=lanes > 1,
        parameters=sum(one.parameters for one in drawn),
        weight_bytes=sum(one.weight_bytes for one in drawn),
        file_bytes=len(content),
        contract=found.contract.path if found.contract else None,
        pitch=_pitch(lanes),
        lanes=lanes,
    )
    return Section("architecture", "Architecture", body)
