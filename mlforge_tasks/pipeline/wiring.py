"""What all stages of one contract share, and how one of them is declared."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks import plugins
from mlforge_tasks.contract.benchmark import kept_inputs
from mlforge_tasks.contract.periodic_thread import PERIODIC_THREAD
from mlforge_tasks.contract.sections import NPU_ENGINE
from mlforge_tasks.contract.targets import views
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.pipeline import calibrated, places
from mlforge_tasks.pipeline import stage_names as stages
from mlforge_tasks.pipeline.asked import Asked
from mlforge_tasks.stages import engine, quantise, run
from mlforge_tasks.verdict import clauses
from mlforge_tasks.verdict.clauses import agent_limits
from mlforge_tasks.verdict.constraints import UNITS, plain, target_of
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.graph.file_set import FileSet
    from mlforge_tasks.graph.kind import StageKind
    from mlforge_tasks.graph.stage import Workspace
    from mlforge_tasks.page.found import Written
    from mlforge_tasks.platforms import Platform
    from mlforge_tasks.verdict.constraints import Bound

    Inputs = Mapping[str, Stage | Path | FileSet]

# Stages that keep from training what breaks a limit.
REFUSING = ("screen", "admit")
# Limits whose figure, or what it is made of, only a meter tells of hardware.
METERED = {
    "energy_per_inference_uj",
    "average_power_uw",
    "battery_life_h",
    "junction_temperature_c",
}


@dataclass(frozen=True)
class Beside:
    """What a further target is beside.

    Attributes:
        declared: The stages of all targets, as they are declared.
        name: The further one's name.
    """

    declared: list[Stage]
    name: str


class Wiring(Asked):
    """Declares the stages of one contract.

    Args:
        contract: What is asked for.
        folder: Where everything but the store goes.
        workspace: The store.
        root: Project root, for source files.
        refusing: Which of `REFUSING` are given the limits.
        written: The contract's file, where it is of one.
        beside: Where the contract is that of a further target, which it is.

    Attributes:
        name: Of a further target; empty of the leading one.
        on_board: The board that the contract names.
        simulated: What stands for it before there is hardware.
        platform: What builds firmware.
        engines: The engines that may run the model.
    """

    def __init__(
        self,
        contract: Contract,
        folder: Path,
        workspace: Workspace,
        root: Path,
        *,
        refusing: tuple[str, ...] = REFUSING,
        written: Written | None = None,
        beside: Beside | None = None,
    ) -> None:
        super().__init__(contract)
        self.name = "" if beside is None else beside.name
        self.target = contract.target
        self.folder = folder
        self.workspace = workspace
        self.root = root
        self.written = written
        self.on_board = self.target.on_board
        self.simulated = places.first(contract.mode, self.on_board)
        self.platform: Platform = plugins.load("platforms", self.target.platform)
        self.engines = places.engines_of(self.target, self.on_board)
        self._declared: list[Stage] = [] if beside is None else beside.declared
        self._refusing = refusing
        self._field = functools.cache(lambda name: contract.project((name,))[name])

    def stage(
        self,
        name: str,
        kind: StageKind,
        inputs: Inputs,
        config: Mapping[str, Any] | None = None,
        *,
        after: tuple[str, ...] = (),
    ) -> Stage:
        """A stage of this contract.

        Args:
            name: `<what>:<iteration>.<candidate>`, as far as it has them; its folder follows.
            kind: What stands in the stage's file.
            inputs: What it reads, by the name that its action knows it by.
            config: What it is told beside the contract's fields that its kind names.
            after: See `Stage`.
        """
        known = self.fields(*kind.fields) | dict(config or {})
        name = stages.called(name, self.name)
        folder = self.folder / stages.folder_of(name)
        stage = Stage(name, kind, folder, self.workspace, inputs, known, after)
        self._declared.append(stage)
        return stage

    @functools.cached_property
    def further(self) -> tuple[Wiring, ...]:
        """Of the leading target, those of the others."""
        if not self.contract.targets:
            return ()
        (_, *others) = views(self.contract).items()
        return tuple(
            Wiring(
                contract,
                self.folder,
                self.workspace,
                self.root,
                refusing=self._refusing,
                written=self.written,
                beside=Beside(self._declared, name),
            )
            for name, contract in others
        )

    def declared(self) -> tuple[Stage, ...]:
        """The stages that were declared since this was last asked."""
        stages = tuple(self._declared)
        self._declared.clear()
        return stages

    def fields(self, *names: str) -> dict[str, Any]:
        """Some of the contract's fields."""
        return {name: self._field(name) for name in names}

    @functools.cached_property
    def board(self) -> dict[str, Any]:
        """The contract's board, for a stage's configuration."""
        return self.on_board.as_built()

    @functools.cached_property
    def calibration(self) -> dict[str, Any] | None:
        """What the board was found to take, and why that is not used; None where it never was."""
        known = self.target.calibration
        if known is None:
            return None
        why = calibrated.unused(self, known)
        return {"record": known.model_dump(mode="json"), "unused": why}

    @property
    def building(self) -> dict[str, Any]:
        """What every image of the contract is built with, whatever its board."""
        return {
            "platform": self.target.platform,
            "toolchain": self.target.toolchain,
            "mlperf": self.target.mlperf,
            **self._beside,
        }

    @property
    def _beside(self) -> dict[str, Any]:
        """What runs beside the model; it is part of images only where there is any."""
        thread = self.contract.operation.periodic_thread
        if thread is None or self.on_board.linux is not None:  # a process's runs beside it
            return {}
        return {PERIODIC_THREAD: thread.model_dump(mode="json")}

    @functools.cached_property
    def marking(self) -> dict[str, Any]:
        """What images for the contract's board have beside: a marker, where a meter has to tell."""
        asked = {field for field, value in self.contract.limits if value is not None}
        hardware = self.contract.mode in ("hardware", "simulate-then-hardware")
        return {"marker": True} if hardware and asked & METERED else {}

    @functools.cached_property
    def runner(self) -> str:
        """What runs the firmware first."""
        return places.first_runner(self.contract.mode, self.simulated)

    @functools.cached_property
    def bounds(self) -> list[dict[str, Any]]:
        """The contract's clauses; of a further target, its limits."""
        return [bound.model_dump(mode="json") for bound in self._clauses]

    @functools.cached_property
    def _clauses(self) -> tuple[Bound, ...]:
        if not self.name:
            return clauses.bounds(self.contract)
        return clauses.of_target(self.contract, self.name)

    @functools.cached_property
    def admission(self) -> list[dict[str, Any]]:
        """The same for a probe: see `clauses.admission`."""
        mine = (one for one in self._clauses if target_of(one.metric) == self.name)
        return [bound.model_dump(mode="json") for bound in clauses.admission(mine)]

    @functools.cached_property
    def hardware_limits(self) -> list[dict[str, Any]]:
        """Those of them that are about the device."""
        return [one for one in self.admission if plain(one["metric"]) in UNITS]

    @functools.cached_property
    def agent_limits(self) -> dict[str, Any]:
        """The limits, for an agent."""
        return agent_limits(self.contract)

    @functools.cached_property
    def conditions(self) -> dict[str, Any]:
        """What derived figures depend on beside measurements."""
        known = Conditions(board=self.on_board, operation=self.contract.operation)
        return known.model_dump(mode="json")

    @property
    def admitting(self) -> list[dict[str, Any]]:
        """What a probe's figures are held against."""
        return self.admission if "admit" in self._refusing else []

    @property
    def screening(self) -> list[dict[str, Any]]:
        """What static figures are held against: an NPU's compiler undercuts what they bound.

        It encodes weights, and computes layers in parts that are never whole.
        """
        mine = (one for one in self.bounds if target_of(one["metric"]) == self.name)
        return list(mine) if "screen" in self._refusing and not self.npu else []

    @property
    def ram_limit(self) -> dict[str, Any]:
        """The limit that patches are made for, and what the image takes of it beside the model."""
        if self.target.patches == "off":
            return {}
        limits = self.contract.effective_limits()
        reserve = self.platform.stack_reserve_bytes
        return {
            "ram_bytes": limits["ram_bytes"],
            "stack_bytes": min(reserve, limits.get("stack_bytes", reserve)),
            **({"streamed": True} if self.target.patches == "streamed" else {}),
            "kept_inputs": kept_inputs(self.target.mlperf) + (self.contract.task == "anomaly"),
        }

    @property
    def npu(self) -> dict[str, Any]:
        """What an engine for an NPU compiles for; in no key of another."""
        board = self.on_board
        if board.npu is None or NPU_ENGINE not in self.engines:
            return {}
        return {"npu": board.npu.model_dump(mode="json")}

    @property
    def vela_ini(self) -> Mapping[str, Path]:
        """The project's own configuration of the NPU's compiler, as an input."""
        own = self.target.npu.vela_ini
        return {} if own is None else {engine.VELA_INI: self.root / own}

    def probe_config(self) -> dict[str, Any]:
        """What the stages of a probe are configured with, all at once."""
        return {
            "cpu": self.board["cpu"],
            **self.building,
            "board": self.simulated.as_built(),
            "runner": self.runner,
            "bounds": self.hardware_limits,
            CONDITIONS: self.conditions,
            "detectors": self.detectors,
            "untrained": True,
            **self.ram_limit,
            **self.npu,
        } | self.fields(*quantise.KIND.fields, *run.FIELDS)
