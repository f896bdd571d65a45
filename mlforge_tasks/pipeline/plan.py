"""The graph: from one contract to every stage it may need.

All `max_iterations x candidates_per_iteration` chains are declared up front; the gates in
`shell/tasks.py` decide at run time how far down the graph a run goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks import engines, platforms, plugins, runners
from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.contract.dataset import source_files
from mlforge_tasks.contract.search import LLM, REPLAY
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import tool_versions
from mlforge_tasks.graph.code_version import PROJECT_ROOT
from mlforge_tasks.graph.stage import Stage, StageKind, Workspace
from mlforge_tasks.graph.store import Store
from mlforge_tasks.pipeline.deployment import (
    STAGES,
    Chain,
    Deployer,
    Tried,
    by_name,
    engine_resources,
    engines_of,
    run_tools,
    simulator,
)
from mlforge_tasks.verdict.transcript import TRANSCRIPT

if TYPE_CHECKING:
    from mlforge_tasks.platforms import Platform

REFUSING = ("screen", "admit")
RESERVED_NAMES = ("ac", "cas")


@dataclass(frozen=True)
class Iteration:
    """One round of the loop.

    Attributes:
        number: From 1.
        propose: None where a model was brought along.
        candidates: Their stages.
        choose: The choice of an engine; None where there is one engine alone.
        curves: Learning curves, where the contract wants weak candidates stopped later.
        judge: The verdicts.
        report: The search so far.
        deliver: What is handed over if it ends here.
    """

    number: int
    propose: Stage | None
    candidates: tuple[Chain, ...]
    choose: Stage | None
    curves: Stage | None
    judge: Stage
    report: Stage
    deliver: Stage

    def stages(self) -> Iterator[Stage]:
        """Every stage of this round."""
        if self.propose is not None:
            yield self.propose
        for chain in self.candidates:
            yield from chain.aside
        if self.choose is not None:
            yield self.choose
        for chain in self.candidates:
            yield from chain.stages.values()
        if self.curves is not None:
            yield self.curves
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
        for engine in engines_of(target):
            platform.require(load_board(target.board), engine)


@dataclass(frozen=True)
class _Sources:
    """What the candidates of an iteration share: the data, and the choice of the one before."""

    dataset: Stage
    choice: Stage | None


@dataclass(frozen=True)
class _Head:
    """A candidate's first stages: its design, its untrained model, and its probes."""

    at: str
    render: Stage
    screen: Stage
    model: Mapping[str, Stage]
    tried: Tried | None


def last_choice(earlier: Sequence[Iteration]) -> Stage | None:
    """The choice of an engine that the next iteration starts from."""
    return earlier[-1].choose if earlier else None


def curves_of(earlier: Sequence[Iteration]) -> dict[str, Stage]:
    """The learning curves that trainings of the next iteration are held against."""
    return {f"curves{one.number:02d}": one.curves for one in earlier if one.curves is not None}


class _Builder(Deployer):
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
        super().__init__(contract, board, folder, workspace, root)
        self.screening = self.bounds if "screen" in refusing else []
        if self.target.patches == "auto":  # whole tensors are no lower bound then
            self.screening = [one for one in self.screening if one["metric"] != "ram_bytes"]
        self.admitting = self.admission if "admit" in refusing else []

    def preparation(self) -> tuple[Stage, ...]:
        """What is done once; a model that was brought along is measured in any case."""
        dataset = self.dataset()
        if self.contract.search.brought_model is not None:
            return dataset, self.floor, *self.without_model.values()
        feasible = self.feasible(self.floor, dataset)
        return dataset, self.floor, *self.without_model.values(), feasible

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

    def feasible(self, floor: Stage, dataset: Stage) -> Stage:
        """The check of the limits; where there is an emulator it may measure."""
        emulator = self.contract.mode != "hardware"
        plugged = (
            *(f"engines.{name}" for name in self.engines),
            f"platforms.{self.target.platform}",
            f"runners.{simulator(self.simulated)}",
        )
        extra = ("stages._probe", *plugged) if emulator else ()
        probe = {**self.probe_config(), "engines": list(self.engines)}
        inputs = {"floor": floor, "dataset": dataset}
        return self.stage(
            "feasible",
            StageKind(
                STAGES + "feasible",
                resources=(
                    *PROBE_TEMPLATES,
                    *(one for name in self.engines for one in engine_resources(name)),
                    *self.platform.resources,
                ),
                tools=self.probe_tools,
            ),
            inputs,
            {"bounds": self.bounds, "probe": probe if emulator else None},
            tuple(f"mlforge_tasks.{name}" for name in extra),
        )

    def probe_tools(self) -> dict[str, str]:
        """Everything that a probe's figures depend on."""
        runner = plugins.load(runners, simulator(self.simulated))
        return {
            **tool_versions.training_environment(),
            **self.platform.tool_versions(self.simulated),
            **run_tools(runner, self.simulated),
        }

    def propose(
        self, k: int, dataset: Stage, feasible: Stage, earlier: Sequence[Iteration]
    ) -> Stage:
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
        inputs |= {f"judge{one.number:02d}": one.judge for one in earlier}
        choice = last_choice(earlier)
        if choice is not None:
            inputs["choice"] = choice
        if agent == LLM:
            inputs |= self.without_model
        if self.contract.search.file is not None:
            inputs["file"] = self.root / self.contract.search.file
        goal = self.contract.goal
        config = self.fields("search") | {
            "limits": self.contract.effective_limits(),
            "goal": {"metric": goal.metric, "target": goal.target, "direction": goal.direction},
            "iteration": k,
            "board": self.board,
            "engines": list(self.engines),
            "probe": self.probe_config() if agent == LLM else None,
            "setup": self.setup() if agent in (LLM, REPLAY) else None,
        }
        module = f"mlforge_tasks.agents.{agent}"
        return self.stage(f"propose:{k}", kind, inputs, config, (module,))

    def memories(self) -> dict[str, int]:
        """What the board has, by the metric that takes it."""
        if self.on_board.native:
            return {}
        flash, ram = self.on_board.memories()
        return {"flash_bytes": flash.length_bytes, "ram_bytes": ram.length_bytes}

    def other_engines(self) -> dict[str, tuple[str, ...]]:
        """The operators of every engine but the contract's, by its name."""
        names = (name for name in plugins.installed("engines") if name not in self.engines)
        return {name: plugins.load(engines, name).operators(self.board["cpu"]) for name in names}

    def setup(self) -> dict[str, Any]:
        """What a language model is told of how its designs are trained and built."""
        cpu = self.board["cpu"]
        return {
            "mode": self.contract.mode,
            "platform": self.target.platform,
            "operators": {
                name: list(plugins.load(engines, name).operators(cpu)) for name in self.engines
            },
            "margins": self.contract.margins_by_metric(),
            "training": self.contract.training.model_dump(mode="json"),
        }

    def probe_config(self) -> dict[str, Any]:
        """What the stages of a probe are configured with, all at once."""
        return {
            "cpu": self.board["cpu"],
            "platform": self.target.platform,
            "mlperf": self.target.mlperf,
            "board": self.simulated.model_dump(mode="json"),
            "runner": self.runner,
            "bounds": self.hardware_limits,
            **self.ram_limit,
        } | self.fields("search.seed", "goal.metric")

    def curves(self, k: int, chains: tuple[Chain, ...]) -> Stage | None:
        """The learning curves of a round, where a later one looks at them."""
        if not self.contract.training.prune or k == self.contract.search.max_iterations:
            return None
        kind = StageKind(STAGES + "curves", ("curves.json",), runs_after_failure=True)
        trained = {f"{index:02d}": chain["train"] for index, chain in enumerate(chains)}
        return self.stage(f"curves:{k}", kind, trained)

    def head(self, at: str, index: int, propose: Stage, sources: _Sources) -> _Head:
        """A candidate up to where it is known what each engine makes of it."""
        dataset = sources.dataset
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
        model = self.model("probe_", at, given, dataset)
        return _Head(at, render, screen, model, self.tried(at, model, sources.choice))

    def candidate(
        self, head: _Head, dataset: Stage, choice: Stage | None, curves: Mapping[str, Stage]
    ) -> Chain:
        """The whole chain of a candidate."""
        at, render = head.at, head.render
        if head.tried is None or choice is None:
            probe = self.deploy(at, head.model, None, "probe_")
        else:
            probe = (self.pick(at, head.tried, choice),)
        admit = self.stage(
            f"admit:{at}",
            StageKind(STAGES + "admit"),
            {"run": probe[-1]},
            {"bounds": self.admitting},
        )
        train = self.stage(
            f"train:{at}",
            StageKind(
                STAGES + "train",
                ("weights.npz", "training.json"),
                isolated=True,
                tools=tool_versions.training_environment,
            ),
            {"render": render, "dataset": dataset, "admit": admit, **curves},
            self.fields("training", "goal.metric", "search.seed"),
        )
        probed = (render, head.screen, head.model["quantise"], head.model["header"], *probe)
        model = self.model("", at, {"render": render, "dataset": dataset, "train": train}, dataset)
        final = (model["quantise"], model["header"], *self.deploy(at, model, choice))
        evaluate = self.evaluate(at, {"quantise": model["quantise"], "dataset": dataset})
        aside = () if head.tried is None else head.tried.stages
        return Chain(by_name((*probed, admit, train, *final, evaluate)), aside)

    def brought(self, file: Path, dataset: Stage) -> tuple[Chain, Stage | None]:
        """The stages of a model file: nothing is designed or trained."""
        at = "1.0"
        model = self.model("", at, {"model": file, "dataset": dataset}, dataset)
        tried = self.tried(at, model, None)
        choice = self.choose(1, [tried], None)
        made = by_name((model["quantise"], model["header"], *self.deploy(at, model, choice)))
        # Its operators are the user's choice: where the engine refuses them, so may the oracle.
        watched = {"quantise": made["quantise"], "dataset": dataset, "run": made["run"]}
        aside = () if tried is None else tried.stages
        return Chain({**made, "evaluate": self.evaluate(at, watched)}, aside), choice

    def evaluate(self, at: str, inputs: Mapping[str, Stage]) -> Stage:
        kind = StageKind(
            STAGES + "evaluate",
            ("evaluation.json",),
            isolated=True,
            resources=engine_resources("aot"),
            tools=tool_versions.of("numpy", optional="tflite-micro"),
        )
        return self.stage(f"evaluate:{at}", kind, inputs, self.fields("goal.metric"))

    def iteration(
        self, k: int, preparation: tuple[Stage, ...], earlier: list[Iteration]
    ) -> Iteration:
        dataset, *checks = preparation
        model = self.contract.search.brought_model
        propose, choice = None, None
        if model is None:
            propose = self.propose(k, dataset, checks[-1], earlier)
            sources = _Sources(dataset, last_choice(earlier))
            heads = [
                self.head(f"{k}.{index}", index, propose, sources)
                for index in range(self.contract.search.candidates_per_iteration)
            ]
            choice = self.choose(k, [head.tried for head in heads], sources.choice)
            curves = curves_of(earlier)
            chains = tuple(self.candidate(head, dataset, choice, curves) for head in heads)
        else:
            chain, choice = self.brought(self.root / model, dataset)
            chains = (chain,)
        kept = None if propose is None else self.curves(k, chains)
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
        tried = {
            f"{number}.{index}": chain
            for number, made in enumerate([*(one.candidates for one in earlier), chains], 1)
            for index, chain in enumerate(made)
        }
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
            | {f"propose{number:02d}": one for number, one in enumerate(proposes, 1)}
            | ({} if choice is None else {"choice": choice})
            | {f"{at}.evaluate": chain["evaluate"] for at, chain in tried.items()}
            | ({} if model is None else {"1.0.quantise": chains[0]["quantise"]}),
            {"name": self.folder.name, "bounds": self.bounds, "engines": list(self.engines)}
            | {"margins": self.contract.margins_by_metric(), "memories": self.memories()}
            | {"other_engines": {} if model is None else self.other_engines()}
            | self.fields("target", "mode", "goal.metric"),
        )
        deliver = self.stage(
            f"deliver:{k}",
            StageKind(STAGES + "deliver", runs_after_failure=True),
            {"report": report, "dataset": dataset}
            | {
                f"{at}.{name}": chain[name]
                for at, chain in tried.items()
                for name in _delivered(chain)
            },
            {"contract": self.contract.model_dump(mode="json")},
        )
        return Iteration(k, propose, chains, choice, kept, judge, report, deliver)


# What an agent depends on, and so do its proposals.
AGENT_PACKAGES = {"optimizer": "optuna", "tpe": "optuna", LLM: "anthropic"}
PROBE_TEMPLATES = ("templates/model.py.jinja", "templates/model_data.h.jinja")
# The key, and an address that is given but to be refused: see `agents.anthropic`.
AGENT_SECRETS = {LLM: ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")}
DELIVERED = ("render", "train", "quantise", "header", "engine", "firmware", "run", "evaluate")


def _delivered(chain: Chain) -> tuple[str, ...]:
    """What is delivered of a candidate: what a board measured, not what stood for it."""
    names = (f"hardware_{name}" for name in DELIVERED)
    return tuple(
        hardware if hardware in chain.stages else name
        for hardware, name in zip(names, DELIVERED, strict=True)
        if name in chain.stages
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
    workspace = workspace or Workspace(Store(build))
    board = load_board(contract.target.board)
    builder = _Builder(contract, board, build / name, workspace, root, refusing=refusing)
    preparation = builder.preparation()
    iterations: list[Iteration] = []
    for k in range(1, contract.search.max_iterations + 1):
        iterations.append(builder.iteration(k, preparation, iterations))
    return Plan(name, contract, build / name, workspace, preparation, tuple(iterations))
