"""The image in the board's memories: what each thing in it takes, down to its largest symbols."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page.memory import IMAGE, regions
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.records import StackUse

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.page.memory import Region

# What an image takes beyond the same without a model, by the figure that is judged.
_OF_THE_MODEL = {"flash_bytes": "model_flash_bytes", "ram_bytes": "model_ram_bytes"}


@dataclass(frozen=True)
class Shown:
    """A region, and the limit that it is judged by.

    Attributes:
        region: It.
        limit_bytes: After margins; None where the contract has none.
        scale_bytes: What the bar is as long as.
        model_bytes: What the image takes beyond the one without a model; None where not measured.
    """

    region: Region
    limit_bytes: float | None
    scale_bytes: float
    model_bytes: float | None


def _shown(found: Found, region: Region) -> Shown:
    limits = (one.limit for one in found.report.bounds if one.metric == region.metric)
    limit, best = next(limits, None), found.best_result
    more = best.measurement(_OF_THE_MODEL.get(region.metric, "")) if best else None
    scale = max(limit or 0, region.used_bytes, 1)
    return Shown(region, limit, scale, more.value if more else None)


def _stacks(found: Found) -> tuple[StackUse, ...]:
    """Every thread's stack, as the device measured it."""
    path = found.file(found.best, "run", "measurements.json")
    if path is None:
        return ()
    return tuple(StackUse.from_dump(one) for one in json.loads(path.read_bytes())["stacks"])


def _executed(found: Found) -> bool:
    """Whether anything ran: of what did not, stacks count whole."""
    best = found.best_result
    measured = () if best is None else best.trial.measurements
    return not measured or any(one.source != "static" for one in measured)


def section(found: Found) -> Section | None:
    """Of the best candidate's image, the one without a look at the clock."""
    firmware = found.at(found.best, "firmware")
    if firmware is None or not (firmware / IMAGE).is_file():
        return None
    stacks = _stacks(found)
    made = regions(firmware, stacks, whole=not _executed(found))
    shown = [_shown(found, one) for one in made or ()]
    body = fill(
        "memory_map.html",
        candidate=found.best,
        untrained=found.untrained(found.best),
        process=made is None,
        shown=shown,
        measured=bool(stacks),
    )
    return Section("memory", "Memory of the image", body)
