"""What is done once, before anything is proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.graph.file_set import FileSet
from mlforge_tasks.pipeline import places
from mlforge_tasks.stages import dataset, feasible, floor, without_model

if TYPE_CHECKING:
    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.wiring import Wiring

WITHOUT_MODEL = "without_model"  # a stage, and the input of those that read it


@dataclass(frozen=True)
class Preparation:
    """Stages that every candidate builds on.

    Attributes:
        dataset: The data set.
        floor: The firmware without a model.
        without_model: What an engine has to know of it, where it may make patches; else nothing.
        feasible: The check of the limits; None where a model was brought along, which is measured
            in any case.
        stages: All of them, and whatever else is declared with them.
    """

    dataset: Stage
    floor: Stage
    without_model: Mapping[str, Stage]
    feasible: Stage | None
    stages: tuple[Stage, ...]


def prepare(wiring: Wiring) -> Preparation:
    """Declares them."""
    data, image = _dataset(wiring), _floor(wiring)
    sizes = {}
    if wiring.target.patches != "off":
        read = {"floor": image}
        sizes = {WITHOUT_MODEL: wiring.stage(WITHOUT_MODEL, without_model.KIND, read)}
    search = wiring.contract.search
    brought = search.brought_model is not None or search.torch is not None
    checked = None if brought else _feasible(wiring, image, data)
    return Preparation(data, image, sizes, checked, wiring.declared())


def _dataset(wiring: Wiring) -> Stage:
    spec = wiring.contract.dataset
    # In no key of a contract whose examples are each for itself.
    config = {"in_streams": True} if wiring.contract.search.state == "kept" else {}
    source = {"source": FileSet(wiring.root, spec.source.files)}
    return wiring.stage("dataset", dataset.kind(spec), source, config)


def _floor(wiring: Wiring) -> Stage:
    config = {**wiring.building, **wiring.marking, "board": wiring.board}
    kind = floor.kind(wiring.platform, wiring.on_board, wiring.target.toolchain)
    return wiring.stage("floor", kind, {}, config)


def _feasible(wiring: Wiring, image: Stage, data: Stage) -> Stage:
    """Where there is an emulator it may measure."""
    kind, probe = feasible.KIND, None
    if wiring.contract.mode in places.EMULATING:
        board = wiring.simulated
        runner = places.simulator(board)
        kind = feasible.measuring(
            wiring.platform, wiring.engines, runner, board, wiring.target.toolchain
        )
        probe = {**wiring.probe_config(), "engines": list(wiring.engines)}
    config = {
        "figures": wiring.figures,
        "surely": wiring.contract.goal.confidence is not None,
        "bounds": wiring.bounds,
        "probe": probe,
    }
    return wiring.stage("feasible", kind, {"floor": image, "dataset": data}, config)
