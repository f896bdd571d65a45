"""What the stages are told that judge candidates and report on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.activations import int16_misfit
from mlforge_tasks.pipeline import calibrated
from mlforge_tasks.verdict import energy_notes
from mlforge_tasks.verdict.constraints import on_target
from mlforge_tasks.verdict.derived import CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.pipeline.wiring import Wiring


def judging(wiring: Wiring) -> dict[str, Any]:
    """What a stage is told that judges candidates."""
    search = wiring.contract.search
    model = search.brought_model or search.torch
    return {
        "bounds": wiring.bounds,
        CONDITIONS: wiring.conditions,
        "must_beat": wiring.contract.must_beat(),
        "model": model and Path(model).name,
        **calibrated.for_judge(wiring),
        **_further(wiring),
    }


def _further(wiring: Wiring) -> dict[str, Any]:
    """What is told of targets beside the leading one; nothing where there are none."""
    each = [{"name": one.name, CONDITIONS: one.conditions} for one in wiring.further]
    return {"further": each} if each else {}


def reporting(wiring: Wiring) -> dict[str, Any]:
    """What a report is told of the contract and its boards."""
    several = (wiring, *wiring.further) if wiring.further else ()
    return {
        "name": wiring.folder.name,
        "bounds": wiring.bounds,
        "leading": wiring.contract.leading_figures(),
        "engines": list(wiring.engines),
        "margins": _of_all(wiring, lambda one: one.contract.margins_by_metric()),
        "memories": _of_all(wiring, _memories),
        "operators": {},
        "patches": wiring.target.patches,
        "int16_fits": int16_misfit(wiring.contract.target, wiring.contract.task) is None,
        **({"targets": [_told(one) for one in several]} if several else {}),
        **_energy(wiring),
    }


def _energy(wiring: Wiring) -> dict[str, Any]:
    """What a report says of energy and heat; nothing where nobody asks and nothing is known."""
    board, limits = wiring.on_board, wiring.contract.effective_limits()
    if board.power is None and not any(one.field in limits for one in energy_notes.KINDS):
        return {}
    known = energy_notes.notes(board, wiring.contract.operation)
    return {"energy": known.model_dump(mode="json")}


def _of_all(wiring: Wiring, of: Callable[[Wiring], Mapping[str, Any]]) -> dict[str, Any]:
    """What every target has of each figure, by what the figure is called among those of all."""
    found = dict(of(wiring))
    for one in wiring.further:
        found |= {on_target(metric, one.name): value for metric, value in of(one).items()}
    return found


def _memories(wiring: Wiring) -> dict[str, int]:
    board = wiring.on_board
    flash, ram = (None, None) if board.process else board.memories()
    memories = {"flash_bytes": flash, "ram_bytes": ram}
    return {name: one.length_bytes for name, one in memories.items() if one is not None}


def _told(wiring: Wiring) -> dict[str, Any]:
    """One of several targets, for a report."""
    target = wiring.target
    known = {name: getattr(target, name) for name in ("board", "platform", "engine")}
    return {"name": wiring.name, "mode": wiring.contract.mode, **known}
