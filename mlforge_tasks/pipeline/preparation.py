"""What is done once, before anything is proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
        further: The same of every further target, with the same data set.
    """

    dataset: Stage
    floor: Stage
    without_model: Mapping[str, Stage]
    feasible: Stage | None
    stages: tuple[Stage, ...]
    further: tuple[Preparation, ...] = ()

    @property
    def checks(self) -> dict[str, Stage]:
        """The checks of every target's limits, as a proposal waits for them."""
        each = (one.feasible for one in (self, *self.further))
        return {one.name: one for one in each if one is not None}


def prepare(wiring: Wiring) -> Preparation:
    """Declares them."""
    data = _dataset(wiring)
    own = _of_target(wiring, data)
    further = tuple(_of_target(one, data) for one in wiring.further)
    return replace(own, stages=wiring.declared(), further=further)


def _of_target(wiring: Wiring, data: Stage) -> Preparation:
    image = _floor(wiring)
    sizes = {}
    if wiring.target.patches != "off":
        read = {"floor": image}
        sizes = {WITHOUT_MODEL: wiring.stage(WITHOUT_MODEL, without_model.KIND, read)}
    search = wiring.contract.search
    brought = search.brought_model is not None or search.torch is not None
    checked = None if brought else _feasible(wiring, image, data)
    return Preparation(data, image, sizes, checked, ())


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
        "figures": [] if wiring.name else wiring.figures,  # the leading target's are all
        "surely": wiring.contract.goal.confidence is not None,
        "bounds": wiring.bounds,
        "probe": probe,
    }
    return wiring.stage("feasible", kind, {"floor": image, "dataset": data}, config)
