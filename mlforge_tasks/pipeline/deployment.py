"""The stages between a model and what is measured of it: the same for probe and trained model.

Where a contract leaves the engine open (`engine: auto`) and its platform builds several, each
candidate's probe is deployed with every one of them. `choose` reads the probes of an iteration and
the choice of the one before; what is built from then on takes its engine from that choice, as an
input like any other, so a choice that changes makes stale what it must and nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks import platforms, plugins, runners
from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import tool_versions
from mlforge_tasks.graph.code_version import PROJECT_ROOT
from mlforge_tasks.graph.stage import Stage, StageKind, Workspace
from mlforge_tasks.plugins import AUTO
from mlforge_tasks.verdict import clauses
from mlforge_tasks.verdict.constraints import UNITS

if TYPE_CHECKING:
    from mlforge_tasks.contract.contract import Target
    from mlforge_tasks.platforms import Platform

SIMULATOR = "qemu"
PROCESS = "native"
HARDWARE = "serial"
STAGES = "mlforge_tasks.stages."
WITHOUT_MODEL = "without_model"  # a stage, and the input of those that read it


@dataclass(frozen=True)
class Chain:
    """The stages of one candidate, in the order they run.

    Attributes:
        stages: Those that it is judged by.
        aside: Its probes with each engine, where the engine is open.
    """

    stages: Mapping[str, Stage]
    aside: tuple[Stage, ...] = ()

    def __getitem__(self, name: str) -> Stage:
        return self.stages[name]


@dataclass(frozen=True)
class Tried:
    """One candidate's probes where the engine is open.

    Attributes:
        runs: The last stage of each engine's probe.
        stages: All their stages.
    """

    runs: Mapping[str, Stage]
    stages: tuple[Stage, ...]


def engines_of(target: Target) -> tuple[str, ...]:
    """The engines that may run the model: one, or all that the platform builds.

    Raises:
        MlforgeError: The platform cannot build the engine.
    """
    able: tuple[str, ...] = plugins.load(platforms, target.platform).engines
    if target.engine == AUTO:
        return able
    if target.engine not in able:
        raise MlforgeError(
            f"target.engine: found '{target.engine}', which platform '{target.platform}' "
            f"cannot build; wanted {' or '.join((*able, AUTO))}",
            hint="`platform: zephyr` builds every engine",
        )
    return (target.engine,)


def emulated(board: Board) -> Board:
    """What stands for a board before there is hardware: itself, or one with the same core.

    Latency is told for the real board's clock.

    Raises:
        MlforgeError: QEMU emulates neither.
    """
    if board.qemu is not None or board.native:
        return board
    stand_in = board.zephyr.arena_on if board.zephyr else None
    if stand_in is None:
        raise MlforgeError(
            f"mode: QEMU does not emulate {board.name}, nor a board that could stand for it",
            hint="mode: hardware",
        )
    clock: dict[str, Any] = {
        "clock_hz": board.clock_hz,
        "cycles_per_instruction": board.cycles_per_instruction,
    }
    return load_board(stand_in).model_copy(update=clock)


def simulator(board: Board) -> str:
    """The runner of a board that is no hardware."""
    return PROCESS if board.native else SIMULATOR


class Deployer:
    """Makes the stages of one contract from a model onwards."""

    def __init__(
        self, contract: Contract, board: Board, folder: Path, workspace: Workspace, root: Path
    ) -> None:
        self.contract = contract
        self.on_board = board
        self.simulated = board if contract.mode == "hardware" else emulated(board)
        self.root = root
        self.board = board.model_dump(mode="json")
        self.folder = folder
        self.workspace = workspace
        bounds = clauses.bounds(contract)
        self.bounds = [bound.model_dump(mode="json") for bound in bounds]
        # An emulated figure may refuse a candidate for a board, though it never passes one.
        anywhere: dict[str, Any] = {"sources": ("static", "emulated", "hardware")}
        self.admission = [
            bound.model_copy(update=anywhere).model_dump(mode="json") for bound in bounds
        ]
        self.hardware_limits = [one for one in self.admission if one["metric"] in UNITS]
        self.target = contract.target
        self.platform: Platform = plugins.load(platforms, self.target.platform)
        self.engines = engines_of(self.target)

    def stage(
        self,
        name: str,
        kind: StageKind,
        inputs: Mapping[str, Stage | Path],
        config: Mapping[str, Any] | None = None,
        extra: tuple[str, ...] = (),
    ) -> Stage:
        """A stage of this contract; its folder follows from its name."""
        base, _, part = name.partition(":")
        folder = self.folder / Path(*_folder_parts(base, part))
        return Stage(name, kind, folder, self.workspace, inputs, config or {}, extra)

    def fields(self, *names: str) -> dict[str, Any]:
        """Some of the contract's fields, for a stage's configuration."""
        return dict(self.contract.project(names))

    @functools.cached_property
    def floor(self) -> Stage:
        """The firmware without a model, on the board that the contract names."""
        kind = StageKind(
            STAGES + "floor",
            ("firmware.json",),
            resources=("zephyr_app/no_model", *self.platform.resources),
            tools=functools.partial(self.platform.tool_versions, self.on_board),
        )
        config = {
            "platform": self.target.platform,
            "board": self.board,
            "mlperf": self.target.mlperf,
        }
        module = f"mlforge_tasks.platforms.{self.target.platform}"
        return self.stage("floor", kind, {}, config, (module,))

    @functools.cached_property
    def without_model(self) -> dict[str, Stage]:
        """What an engine has to know of the rest of the image, where it may make patches."""
        if self.target.patches == "off":
            return {}
        kind = StageKind(STAGES + WITHOUT_MODEL, ("firmware.json",))
        return {WITHOUT_MODEL: self.stage(WITHOUT_MODEL, kind, {"floor": self.floor})}

    @property
    def ram_limit(self) -> dict[str, Any]:
        """The limit that it makes them for, and what the image takes of it beside the model."""
        if self.target.patches == "off":
            return {}
        limits = self.contract.effective_limits()
        reserve = self.platform.stack_reserve_bytes
        return {
            "ram_bytes": limits["ram_bytes"],
            "stack_bytes": min(reserve, limits.get("stack_bytes", reserve)),
            "keeps_input": self.target.mlperf is not None,
        }

    def model(
        self, prefix: str, at: str, sources: Mapping[str, Stage | Path], dataset: Stage
    ) -> dict[str, Stage]:
        """The int8 model and its header: the same for every engine."""
        quantise = self.stage(
            f"{prefix}quantise:{at}",
            StageKind(
                STAGES + "quantise",
                ("model.tflite", "quantisation.json"),
                isolated=True,
                tools=tool_versions.training_environment,
            ),
            sources,
            self.fields("search.seed"),
        )
        header = self.stage(
            f"{prefix}header:{at}",
            StageKind(
                STAGES + "header",
                ("model_data.h",),
                resources=("templates/model_data.h.jinja",),
                tools=tool_versions.of("jinja2"),
            ),
            {"quantise": quantise, "dataset": dataset},
        )
        return {"quantise": quantise, "header": header, "dataset": dataset}

    def deploy(
        self, at: str, model: Mapping[str, Stage], choice: Stage | None, prefix: str = ""
    ) -> tuple[Stage, ...]:
        """Engine, firmware and run; after them the board's, where the contract wants both."""
        name = self.target.engine if choice is not None else self.engines[0]
        engine, firmware, run = self.measured(f"{prefix}{{}}:{at}", model, name, choice)
        made = [engine, firmware, run]
        if self.contract.mode == "simulate-then-hardware" and not prefix:
            if self.simulated != self.on_board:
                name = f"hardware_firmware:{at}"
                firmware = self.firmware(name, self.on_board, model["header"], engine)
                made.append(firmware)
            # After the emulated run, so that what faults there is never flashed.
            given = _run_inputs(model, engine, firmware) | {"run": run}
            made.append(self.run(f"hardware_run:{at}", HARDWARE, self.on_board, given))
        return tuple(made)

    def measured(
        self, pattern: str, model: Mapping[str, Stage], engine_name: str, choice: Stage | None
    ) -> tuple[Stage, Stage, Stage]:
        """Engine, firmware, run on what comes first: an emulator, or the board.

        Args:
            pattern: The stages' names, with `{}` for what each does.
            model: What is deployed.
            engine_name: With what engine.
            choice: The stage that says which one is meant, or still needed.
        """
        engine = self.engine(pattern.format("engine"), model, engine_name, choice)
        name = pattern.format("firmware")
        firmware = self.firmware(name, self.simulated, model["header"], engine)
        given = _run_inputs(model, engine, firmware)
        return engine, firmware, self.run(pattern.format("run"), self.runner, self.simulated, given)

    @property
    def runner(self) -> str:
        """What runs the firmware first."""
        return HARDWARE if self.contract.mode == "hardware" else simulator(self.simulated)

    def tried(self, at: str, model: Mapping[str, Stage], earlier: Stage | None) -> Tried | None:
        """A probe with each engine; None where there is one engine alone.

        Args:
            at: The candidate.
            model: Its stages so far.
            earlier: The choice of the iteration before; once one is chosen, the others' probes
                have nothing to do.
        """
        if len(self.engines) == 1:
            return None
        made = {
            name: self.measured(f"probe_{{}}_{name}:{at}", model, name, earlier)
            for name in self.engines
        }
        runs = {name: stages[-1] for name, stages in made.items()}
        return Tried(runs, tuple(stage for stages in made.values() for stage in stages))

    def choose(self, k: int, tried: Sequence[Tried | None], earlier: Stage | None) -> Stage | None:
        """The engine of an iteration; None where there is one engine alone."""
        inputs: dict[str, Stage | Path] = {} if earlier is None else {"earlier": earlier}
        for index, one in enumerate(tried):
            if one is None:
                return None
            inputs |= {f"{index}.{name}": run for name, run in one.runs.items()}
        kind = StageKind(STAGES + "choose", ("choice.json",), runs_after_failure=True)
        config = {
            "engines": list(self.engines),
            "candidates": len(tried),
            "iteration": k,
            "bounds": self.hardware_limits,
            # A model that was brought along is measured in any case.
            "settle": self.contract.search.brought_model is not None,
        }
        return self.stage(f"choose:{k}", kind, inputs, config)

    def pick(self, at: str, tried: Tried, choice: Stage) -> Stage:
        """The probe with the chosen engine."""
        kind = StageKind(STAGES + "pick", ("measurements.json",), runs_after_failure=True)
        config = {"engines": list(self.engines), "bounds": self.hardware_limits}
        return self.stage(f"probe_run:{at}", kind, {"choice": choice, **tried.runs}, config)

    def engine(
        self, name: str, model: Mapping[str, Stage], engine_name: str, choice: Stage | None
    ) -> Stage:
        """The model as C sources; `auto` is the engine that was chosen."""
        able = self.engines if engine_name == AUTO else (engine_name,)
        kind = StageKind(
            STAGES + "engine",
            ("engine.json",),
            resources=tuple(folder for one in able for folder in engine_resources(one)),
            tools=tool_versions.of("jinja2", "tflite", "numpy"),
        )
        inputs = {"quantise": model["quantise"]} | ({} if choice is None else {"choice": choice})
        inputs |= self.without_model
        config = {"engine": engine_name, "cpu": self.board["cpu"], **self.ram_limit}
        modules = tuple(f"mlforge_tasks.engines.{one}" for one in able)
        return self.stage(name, kind, inputs, config, modules)

    def firmware(self, name: str, board: Board, header: Stage, engine: Stage) -> Stage:
        """An image for a board."""
        flashed = () if board.native else ("firmware.bin",)
        kind = StageKind(
            STAGES + "firmware",
            ("firmware.elf", *flashed, "firmware.json"),
            resources=tuple(self.platform.resources),
            tools=functools.partial(self.platform.tool_versions, board),
        )
        config = {
            "platform": self.target.platform,
            "mlperf": self.target.mlperf,
            "board": board.model_dump(mode="json"),
        }
        inputs = {"header": header, "engine": engine}
        module = f"mlforge_tasks.platforms.{self.target.platform}"
        return self.stage(name, kind, inputs, config, (module,))

    def run(self, name: str, runner: str, board: Board, inputs: Mapping[str, Stage]) -> Stage:
        """An image on its target."""
        kind = StageKind(
            STAGES + "run",
            ("measurements.json",),
            isolated=True,
            tools=functools.partial(run_tools, plugins.load(runners, runner), board),
        )
        config = {"runner": runner, "board": board.model_dump(mode="json")}
        if board == self.on_board:
            inputs = {**inputs, "floor": self.floor}
        return self.stage(name, kind, inputs, config, (f"mlforge_tasks.runners.{runner}",))


def by_name(stages: Iterable[Stage]) -> dict[str, Stage]:
    """Stages of one candidate by what they are called in it: `probe_run`, `train`."""
    return {stage.name.partition(":")[0]: stage for stage in stages}


def _run_inputs(model: Mapping[str, Stage], engine: Stage, firmware: Stage) -> dict[str, Stage]:
    given = {name: model[name] for name in ("quantise", "dataset")}
    return given | {"engine": engine, "firmware": firmware}


def run_tools(runner: Any, board: Board) -> Mapping[str, str]:
    """The runner's own tools, and what its outputs are compared with."""
    oracle = tool_versions.of("numpy", optional="tflite-micro")()
    return {**runner.tool_versions(board), **oracle}


def engine_resources(name: str) -> tuple[str, ...]:
    """An engine's data files: its templates and its helper folder, where it has them."""
    folders = (f"templates/{name}", f"mlforge_tasks/engines/_{name}")
    return tuple(folder for folder in folders if (PROJECT_ROOT / folder).is_dir())


def _folder_parts(base: str, part: str) -> list[str]:
    """Folder of a stage: `train:2.0` lies in `iterations/02/0/train`."""
    if base == "deliver":
        return ["delivered"]
    if not part:
        return [base]
    iteration, _, candidate = part.partition(".")
    return ["iterations", f"{int(iteration):02d}", *([candidate] if candidate else []), base]
