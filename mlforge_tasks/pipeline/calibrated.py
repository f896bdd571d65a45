"""What a board was found to take, for the stages that tell of it: judge, and what proposes.

Only a contract whose board has a calibration beside it has any of this in its keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.calibration.foretell import stale
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.pipeline import places

if TYPE_CHECKING:
    from mlforge_tasks.calibration.record import Calibration
    from mlforge_tasks.pipeline.wiring import Wiring


def unused(wiring: Wiring, calibration: Calibration) -> str:
    """Why a calibration does not hold for what a contract builds; empty where it does."""
    from mlforge_tasks.stages._calibrate import Bench, conditions  # noqa: PLC0415 - few need it

    if wiring.contract.search.activations != "int8":
        return "it is of int8 layers"
    board, target = wiring.on_board, wiring.target
    try:
        bench = Bench(board, places.emulated(board), target.platform, target.toolchain)
        return stale(calibration, conditions(bench))
    except MlforgeError as error:
        return f"what it holds for cannot be told: {error.message}"


def for_judge(wiring: Wiring) -> dict[str, Any]:
    """The calibration, for figures of the emulator; nothing where none is emulated."""
    known = wiring.calibration
    emulates = wiring.contract.mode in ("simulate", "simulate-then-hardware")
    return {"calibration": known} if known is not None and emulates else {}


def for_proposals(wiring: Wiring) -> dict[str, Any]:
    """Cycles an instruction of each class, where the figures that are foretold are the board's."""
    known = wiring.calibration
    if known is None or wiring.contract.mode != "hardware" or known["unused"]:
        return {}
    if wiring.engines != ("aot",):
        return {}
    classes = known["record"]["classes"].items()
    return {"calibrated": {kind: one["per_instruction"] for kind, one in classes}}
