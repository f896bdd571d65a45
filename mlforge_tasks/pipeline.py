"""The graph: from one contract to every stage it may need.

All `max_iterations x candidates_per_iteration` chains are declared up front; the gates in
`tasks.py` decide at run time how far down the graph a run goes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks import clauses, engines, platforms, plugins, runners, tool_versions
from mlforge_tasks.board import Board, load_board
from mlforge_tasks.code_version import PROJECT_ROOT
from mlforge_tasks.contract import Contract
from mlforge_tasks.dataset_spec import source_files
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.search import LLM, REPLAY
from mlforge_tasks.stage import Stage, StageKind, Workspace
from mlforge_tasks.store import Store
from mlforge_tasks.transcript import TRANSCRIPT

if TYPE_CHECKING:
    from mlforge_tasks.platforms import Platform

REFUSING = ("screen", "admit")
RESERVED_NAMES = ("ac", "cas")
SIMULATOR = "qemu"
HARDWARE = "serial"
STAGES = "mlforge_tasks.stages."


@dataclass(frozen=True)
class Chain:
    """The stages of one candidate, in the order they run."""

    stages: Mapping[str, Stage]

    def __getitem__(self, name: str) -> Stage:
        return self.stages[name]


@dataclass(frozen=True)
class Iteration:
    """One round of the loop; nothing is proposed where a model was brought along."""

    number: int
    propose: Stage | None
    candidates: tuple[Chain, ...]
    judge: Stage
    report: Stage
    deliver: Stage

    def stages(self) -> Iterator[Stage]:
        """Every stage of this round."""
        if self.propose is not None:
            yield self.propose
        for chain in self.candidates:
            yield from chain.stages.values()
        yield from (self.judge, self.report, self.deliver)


@dataclass(frozen=True)
class Plan:
    """The whole graph of one contract.

    Attributes:
        name: The contract's name.
        contract: The contract.
        folder: Where everything but the store goes.
        workspace: The store.
        preparation: What is done once: the data set, and what the firmware takes without a model.
        iterations: The rounds.
    """

    name: str
    contract: Contract
    folder: Path
    workspace: Workspace
    preparation: tuple[Stage, ...]
    iterations: tuple[Iteration, ...]

    def require(self) -> None:
        """Stops where the contract's firmware could not be built.

        Raises:
            ToolError: Something is missing; the hint says what to run.
        """
        target = self.contract.target
        platform: Platform = plugins.load(platforms, target.platform)
        platform.require(load_board(target.board), target.engine)


def emulated(board: Board) -> Board:
    """What stands for a board before there is hardware: itself, or one with the same core.

    Latency is told for the real board's clock.

    Raises:
        MlforgeError: QEMU emulates neither.
    """
    if board.qemu is not None:
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


class _Builder:
    """Makes the stages of one contract."""

    def __init__(
        self,
        contract: Contract,
        board: Board,
        folder: Path,
        workspace: Workspace,
        root: Path,
        *,
        refusing: tuple[str, ...],
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
        self.screening = self.bounds if "screen" in refusing else []
        # An emulated figure may refuse a candidate for a board, though it never passes one.
        anywhere: dict[str, Any] = {"sources": ("static", "emulated", "hardware")}
        self.admission = [
            bound.model_copy(update=anywhere).model_dump(mode="json") for bound in bounds
        ]
        self.target = contract.target
        self.platform = plugins.load(platforms, self.target.platform)

    def stage(
        self,
        name: str,
        kind: StageKind,
        inputs: Mapping[str, Stage | Path],
        config: Mapping[str, Any] | None = None,
        extra: tuple[str, ...] = (),
    ) -> Stage:
        base, _, part = name.partition(":")
        folder = self.folder / Path(*_folder_parts(base, part))
        return Stage(name, kind, folder, self.workspace, inputs, config or {}, extra)

    def fields(self, *names: str) -> dict[str, Any]:
        return dict(self.contract.project(names))

    def preparation(self) -> tuple[Stage, ...]:
        """What is done once; a model that was brought along is measured in any case."""
        dataset = self.dataset()
        if self.contract.search.brought_model is not None:
            return (dataset,)
        floor = self.floor()
        return dataset, floor, self.feasible(floor)

    def dataset(self) -> Stage:
        kind = StageKind(
            STAGES + "dataset", ("data_card.json",), isolated=True, tools=tool_versions.of("numpy")
        )
        files = source_files(self.contract.dataset)
        inputs = {
            ("source" if i == 0 else f"source{i}"): self.root / f for i, f in enumerate(files)
        }
        source = self.contract.dataset.source_module
        return self.stage("dataset", kind, inputs, self.fields("dataset", "task"), (source,))

    def floor(self) -> Stage:
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

    def feasible(self, floor: Stage) -> Stage:
        kind = StageKind(STAGES + "feasible")
        return self.stage("feasible", kind, {"floor": floor}, {"bounds": self.bounds})

    def propose(self, k: int, dataset: Stage, feasible: Stage, judged: list[Stage]) -> Stage:
        agent = self.contract.search.agent
        prompts = f"templates/agents/{agent}"
        kind = StageKind(
            STAGES + "propose",
            ("candidates.json",),
            isolated=True,
            resources=(prompts,) if (PROJECT_ROOT / prompts).exists() else (),
            tools=tool_versions.of("numpy", optional=AGENT_PACKAGES.get(agent)),
            secrets=AGENT_SECRETS.get(agent, ()),
            kept_when_broken=(TRANSCRIPT,),
        )
        inputs: dict[str, Stage | Path] = {"dataset": dataset, "feasible": feasible}
        inputs |= {f"judge{i:02d}": stage for i, stage in enumerate(judged, 1)}
        if self.contract.search.file is not None:
            inputs["file"] = self.root / self.contract.search.file
        goal = self.contract.goal
        config = self.fields("search") | {
            "limits": self.contract.effective_limits(),
            "goal": {"metric": goal.metric, "target": goal.target, "direction": goal.direction},
            "iteration": k,
            "board": self.board,
            "probe": self.probe_config() if agent == LLM else None,
            "setup": self.setup() if agent in (LLM, REPLAY) else None,
        }
        module = f"mlforge_tasks.agents.{agent}"
        return self.stage(f"propose:{k}", kind, inputs, config, (module,))

    def setup(self) -> dict[str, Any]:
        """What a language model is told of how its designs are trained and built."""
        engine = plugins.load(engines, self.target.engine)
        return {
            "mode": self.contract.mode,
            "platform": self.target.platform,
            "engine": self.target.engine,
            "operators": engine.operators(self.board["cpu"]),
            "margins": self.contract.margins_by_metric(),
            "training": self.contract.training.model_dump(mode="json"),
        }

    def probe_config(self) -> dict[str, Any]:
        """What the stages of a probe are configured with, all at once."""
        return {
            "engine": self.target.engine,
            "cpu": self.board["cpu"],
            "platform": self.target.platform,
            "mlperf": self.target.mlperf,
            "board": self.simulated.model_dump(mode="json"),
            "runner": HARDWARE if self.contract.mode == "hardware" else SIMULATOR,
        } | self.fields("search.seed", "goal.metric")

    def candidate(self, at: str, index: int, propose: Stage, dataset: Stage) -> Chain:
        render = self.stage(
            f"render:{at}",
            StageKind(
                STAGES + "render",
                ("architecture.json", "model.py", "static.json"),
                resources=("templates/model.py.jinja",),
                tools=tool_versions.of("jinja2"),
            ),
            {"propose": propose, "dataset": dataset},
            {"candidate": index},
        )
        screen = self.stage(
            f"screen:{at}",
            StageKind(STAGES + "screen"),
            {"render": render},
            {"bounds": self.screening},
        )
        given = {"render": render, "dataset": dataset, "screen": screen}
        probe = self.deploy("probe_", at, given, dataset)
        admit = self.stage(
            f"admit:{at}",
            StageKind(STAGES + "admit"),
            {"run": probe["probe_run"]},
            {"bounds": self.admission},
        )
        train = self.stage(
            f"train:{at}",
            StageKind(
                STAGES + "train",
                ("weights.npz", "training.json"),
                isolated=True,
                tools=tool_versions.training_environment,
            ),
            {"render": render, "dataset": dataset, "admit": admit},
            self.fields("training", "goal.metric", "search.seed"),
        )
        final = self.deploy("", at, {"render": render, "dataset": dataset, "train": train}, dataset)
        evaluate = self.evaluate(at, {"quantise": final["quantise"], "dataset": dataset})
        first = {"render": render, "screen": screen, **probe, "admit": admit, "train": train}
        return Chain({**first, **final, "evaluate": evaluate})

    def brought(self, at: str, model: Path, dataset: Stage) -> Chain:
        """The stages of a model file: nothing is designed or trained."""
        made = self.deploy("", at, {"model": model, "dataset": dataset}, dataset)
        # Its operators are the user's choice: where the engine refuses them, so may the oracle.
        watched = {"quantise": made["quantise"], "dataset": dataset, "run": made["run"]}
        return Chain({**made, "evaluate": self.evaluate(at, watched)})

    def evaluate(self, at: str, inputs: Mapping[str, Stage]) -> Stage:
        kind = StageKind(
            STAGES + "evaluate",
            ("evaluation.json",),
            isolated=True,
            resources=_engine_resources("aot"),
            tools=tool_versions.of("numpy", optional="tflite-micro"),
        )
        return self.stage(f"evaluate:{at}", kind, inputs, self.fields("goal.metric"))

    def deploy(
        self, prefix: str, at: str, sources: Mapping[str, Stage | Path], dataset: Stage
    ) -> dict[str, Stage]:
        """Quantise, header, engine, firmware, run: the same for the probe and the trained model."""
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
        engine_name = self.target.engine
        engine = self.stage(
            f"{prefix}engine:{at}",
            StageKind(
                STAGES + "engine",
                ("engine.json",),
                resources=_engine_resources(engine_name),
                tools=tool_versions.of("jinja2", "tflite", "numpy"),
            ),
            {"quantise": quantise},
            {"engine": engine_name, "cpu": self.board["cpu"]},
            (f"mlforge_tasks.engines.{engine_name}",),
        )
        given = {"engine": engine, "quantise": quantise, "dataset": dataset}
        firmware = self.firmware(f"{prefix}firmware:{at}", self.simulated, header, engine)
        runner = HARDWARE if self.contract.mode == "hardware" else SIMULATOR
        run = self.run(f"{prefix}run:{at}", runner, self.simulated, given | {"firmware": firmware})
        made = [quantise, header, engine, firmware, run]
        if self.contract.mode == "simulate-then-hardware" and not prefix:
            # After the emulated run, so that what faults there is never flashed.
            given["run"] = run
            if self.simulated != self.on_board:
                name = f"hardware_firmware:{at}"
                firmware = self.firmware(name, self.on_board, header, engine)
                made.append(firmware)
            given["firmware"] = firmware
            made.append(self.run(f"hardware_run:{at}", HARDWARE, self.on_board, given))
        return {stage.name.partition(":")[0]: stage for stage in made}

    def firmware(self, name: str, board: Board, header: Stage, engine: Stage) -> Stage:
        kind = StageKind(
            STAGES + "firmware",
            ("firmware.elf", "firmware.bin", "firmware.json"),
            resources=tuple(self.platform.resources),
            tools=functools.partial(self.platform.tool_versions, board),
        )
        config = {
            "platform": self.target.platform,
            "engine": self.target.engine,
            "mlperf": self.target.mlperf,
            "board": board.model_dump(mode="json"),
        }
        inputs = {"header": header, "engine": engine}
        module = f"mlforge_tasks.platforms.{self.target.platform}"
        return self.stage(name, kind, inputs, config, (module,))

    def run(self, name: str, runner: str, board: Board, inputs: Mapping[str, Stage]) -> Stage:
        kind = StageKind(
            STAGES + "run",
            ("measurements.json",),
            isolated=True,
            tools=functools.partial(_run_tools, plugins.load(runners, runner), board),
        )
        config = {"runner": runner, "board": board.model_dump(mode="json")}
        return self.stage(name, kind, inputs, config, (f"mlforge_tasks.runners.{runner}",))

    def iteration(
        self, k: int, preparation: tuple[Stage, ...], earlier: list[Iteration]
    ) -> Iteration:
        dataset, *checks = preparation
        search = self.contract.search
        model = search.brought_model
        if model is None:
            propose = self.propose(k, dataset, checks[-1], [one.judge for one in earlier])
            chains = tuple(
                self.candidate(f"{k}.{index}", index, propose, dataset)
                for index in range(search.candidates_per_iteration)
            )
        else:
            propose = None
            chains = (self.brought(f"{k}.0", self.root / model, dataset),)
        watched = {
            f"{index}.{name}": stage
            for index, chain in enumerate(chains)
            for name, stage in chain.stages.items()
        }
        judge = self.stage(
            f"judge:{k}",
            StageKind(STAGES + "judge", ("trials.json",), runs_after_failure=True),
            ({} if propose is None else {"propose": propose}) | watched,
            {"bounds": self.bounds, "iteration": k, "model": model and Path(model).name},
        )
        judges = [*(one.judge for one in earlier), judge]
        asked = [*(one.propose for one in earlier), propose]
        proposes = [one for one in asked if one is not None]
        report = self.stage(
            f"report:{k}",
            StageKind(
                STAGES + "report",
                ("report.json", "convergence.png"),
                isolated=True,
                tools=tool_versions.of("matplotlib"),
                runs_after_failure=True,
            ),
            {f"judge{number:02d}": one for number, one in enumerate(judges, 1)}
            | {f"propose{number:02d}": one for number, one in enumerate(proposes, 1)},
            {"name": self.folder.name, "bounds": self.bounds}
            | {"margins": self.contract.margins_by_metric()}
            | self.fields("target", "mode", "goal.metric"),
        )
        deliver = self.stage(
            f"deliver:{k}",
            StageKind(STAGES + "deliver", runs_after_failure=True),
            {"report": report, "dataset": dataset}
            | {
                f"{number}.{index}.{name}": chain[name]
                for number, chains_of in enumerate(
                    [*(one.candidates for one in earlier), chains], 1
                )
                for index, chain in enumerate(chains_of)
                for name in _delivered(chain)
            },
            {"contract": self.contract.model_dump(mode="json")},
        )
        return Iteration(k, propose, chains, judge, report, deliver)


# What an agent depends on, and so do its proposals.
AGENT_PACKAGES = {"optimizer": "optuna", "tpe": "optuna", LLM: "anthropic"}
# The key, and an address that is given but to be refused: see `agents.anthropic`.
AGENT_SECRETS = {LLM: ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")}
DELIVERED = ("render", "train", "quantise", "header", "engine", "firmware", "run", "evaluate")


def _run_tools(runner: Any, board: Board) -> Mapping[str, str]:
    """The runner's own tools, and what its outputs are compared with."""
    oracle = tool_versions.of("numpy", optional="tflite-micro")()
    return {**runner.tool_versions(board), **oracle}


def _engine_resources(name: str) -> tuple[str, ...]:
    """An engine's data files: its templates and its helper folder, where it has them."""
    folders = (f"templates/{name}", f"mlforge_tasks/engines/_{name}")
    return tuple(folder for folder in folders if (PROJECT_ROOT / folder).is_dir())


def _delivered(chain: Chain) -> tuple[str, ...]:
    """What is delivered of a candidate: what a board measured, not what stood for it."""
    names = (f"hardware_{name}" for name in DELIVERED)
    return tuple(
        hardware if hardware in chain.stages else name
        for hardware, name in zip(names, DELIVERED, strict=True)
        if name in chain.stages
    )


def _folder_parts(base: str, part: str) -> list[str]:
    """Folder of a stage: `train:2.0` lies in `iterations/02/0/train`."""
    if base == "deliver":
        return ["delivered"]
    if not part:
        return [base]
    iteration, _, candidate = part.partition(".")
    return ["iterations", f"{int(iteration):02d}", *([candidate] if candidate else []), base]


def _check_engine(contract: Contract) -> None:
    target = contract.target
    able = plugins.load(platforms, target.platform).engines
    if target.engine not in able:
        raise MlforgeError(
            f"target.engine: found '{target.engine}', which platform '{target.platform}' "
            f"cannot build; wanted {' or '.join(able)}",
            hint="`platform: zephyr` builds every engine",
        )


def make_plan(
    contract: Contract,
    name: str,
    *,
    root: Path,
    build: Path,
    workspace: Workspace | None = None,
    refusing: tuple[str, ...] = REFUSING,
) -> Plan:
    """Declares every stage of a contract; cheap, nothing is run.

    Args:
        contract: What is asked for.
        name: Folder below `build` for its outputs.
        root: Project root, for source files.
        build: The build tree; the store lies in it too.
        workspace: The store; below `build` by default.
        refusing: Which stages keep from training what breaks a limit. Only a benchmark of agents
            has them let everything pass; what `judge` says is the same.

    Raises:
        MlforgeError: The mode or the name cannot be served.
    """
    if name in RESERVED_NAMES:
        raise MlforgeError(
            f"a contract cannot be called '{name}': build/{name} is the store",
            hint="rename the contract file",
        )
    _check_engine(contract)
    workspace = workspace or Workspace(Store(build))
    board = load_board(contract.target.board)
    builder = _Builder(contract, board, build / name, workspace, root, refusing=refusing)
    preparation = builder.preparation()
    iterations: list[Iteration] = []
    for k in range(1, contract.search.max_iterations + 1):
        iterations.append(builder.iteration(k, preparation, iterations))
    return Plan(name, contract, build / name, workspace, preparation, tuple(iterations))
