"""propose: the agent's next architectures, from the brief and the measured history."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlforge_tasks import agents, plugins
from mlforge_tasks.agents import BoardFacts, DesignBrief, Goal, Limits, Setup, Workbench
from mlforge_tasks.contract.board import Board
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.search import LLM, Search
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import tool_versions
from mlforge_tasks.graph.code_version import PROJECT_ROOT
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import canonical_json
from mlforge_tasks.stages import main
from mlforge_tasks.stages._measure import measure
from mlforge_tasks.verdict.engine_choice import CHOICE, EngineChoice
from mlforge_tasks.verdict.transcript import TRANSCRIPT
from mlforge_tasks.verdict.trials import Trials, as_agents_see_it

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What an agent depends on, and so do its proposals.
PACKAGES = {"optimizer": "optuna", "tpe": "optuna", LLM: "anthropic"}
# The key, and an address that is given but to be refused: see `agents.anthropic`.
SECRETS = {LLM: ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")}


def kind(agent: str) -> StageKind:
    """What an agent, by its name, depends on and may know."""
    prompts = f"templates/agents/{agent}"
    return StageKind(
        __name__,
        ("candidates.json",),
        isolated=True,
        fields=("search",),
        loads=(plugins.module(agents, agent),),
        resources=(prompts,) if (PROJECT_ROOT / prompts).exists() else (),
        tools=tool_versions.of("numpy", optional=PACKAGES.get(agent)),
        secrets=SECRETS.get(agent, ()),
        kept_when_broken=(TRANSCRIPT,),
    )


def _engines(inputs: Mapping[str, Path], config: Mapping[str, Any]) -> tuple[str, ...]:
    """The engines that may run the model: one, unless the contract leaves it open and it is."""
    if "choice" in inputs:
        chosen = EngineChoice.read(inputs["choice"] / CHOICE).engine
        if chosen is not None:
            return (chosen,)
    return tuple(config["engines"])


def _setup(known: Mapping[str, Any], engines: tuple[str, ...]) -> Setup:
    """What a language model is told; as long as the engine is open, what all of them run."""
    operators = [set(known["operators"][engine]) for engine in engines]
    name = engines[0] if len(engines) == 1 else plugins.AUTO
    common = sorted(set.intersection(*operators))
    return Setup.from_dump({**known, "engine": name, "operators": common})


def brief_of(card: DataCard, search: Search, config: Mapping[str, Any]) -> DesignBrief:
    """What the agent is told, from the data card and the stage's configuration."""
    board = Board.from_dump(config["board"])
    return DesignBrief(
        task=card.task,
        input_shape=card.input_shape,
        output_count=card.output_count,
        limits=Limits.from_dump(config["limits"]),
        goal=Goal.from_dump(config["goal"]),
        board=BoardFacts(
            name=board.name,
            cpu=board.cpu,
            clock_hz=board.clock_hz,
            cycles_per_instruction=board.cycles_per_instruction,
            flash_bytes=board.flash.length_bytes if board.flash else None,
            ram_bytes=board.ram.length_bytes if board.ram else None,
            fpu=board.fpu,
            dsp=board.dsp,
            mve=board.mve,
        ),
        engines=tuple(config["engines"]),
        iterations_left=search.max_iterations - config["iteration"] + 1,
        seed=search.seed,
    )


def _judged(inputs: Mapping[str, Path]) -> tuple[Trials, ...]:
    folders = (inputs[name] for name in sorted(inputs) if name.startswith("judge"))
    return tuple(Trials.read(folder / "trials.json") for folder in folders)


def _workbench(
    inputs: Mapping[str, Path],
    out: Path,
    search: Search,
    card: DataCard,
    config: Mapping[str, Any],
) -> Workbench:
    """What the agent may use; see `run` for the arguments."""
    engines, judged, probe = config["engines"], _judged(inputs), None
    if config["probe"]:
        read = {name: inputs[name] for name in ("dataset", "without_model") if name in inputs}
        probe = functools.partial(measure, read, {**config["probe"], "engines": engines})

    def keep(name: str, data: bytes) -> None:
        (out / name).write_bytes(data)

    return Workbench(
        search=search,
        file=inputs["file"].read_bytes() if "file" in inputs else None,
        iteration=config["iteration"],
        card=card,
        setup=_setup(config["setup"], engines) if config["setup"] else None,
        probed=tuple(as_agents_see_it(one) for trials in judged for one in trials.probes),
        tokens_used=sum(trials.tokens for trials in judged),
        probe=probe,
        keep=keep,
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `candidates.json`: `{"candidates": [architecture, …]}`.

    Args:
        inputs: `dataset`, `judgeNN` for each iteration so far, `file` where the search names one,
            `choice`, that of the iteration before, where the contract leaves the engine open, and
            `without_model`, where an agent measures what an engine may make patches of.
        out: Output folder.
        config: `limits` (margins taken off), `goal`, `search`, `board`, `engines`, `iteration`,
            `probe` (what the probe's stages are configured with, for an agent that measures; else
            None), `setup` (what a language model is told of training and building; else None).

    Raises:
        CandidateFailure: The agent came up with nothing.
        ToolError: What the agent depends on cannot be reached.
    """
    search = Search.from_dump(config["search"])
    agent = plugins.load(agents, search.agent)
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    engines = _engines(inputs, config)
    told = {**config, "engines": engines}
    brief = brief_of(card, search, told)
    judged = _judged(inputs)
    history = tuple(as_agents_see_it(one.trial) for trials in judged for one in trials.results)
    bench = _workbench(inputs, out, search, card, told)
    proposals = agent.propose(brief, history, search.candidates_per_iteration, bench)
    if len(proposals) > search.candidates_per_iteration:
        raise ToolError(f"agent '{search.agent}' proposed more than it was asked for")
    candidates = [architecture.model_dump(mode="json") for architecture in proposals]
    (out / "candidates.json").write_bytes(canonical_json({"candidates": candidates}) + b"\n")


if __name__ == "__main__":
    main(run)
