"""What an agent is told and may use, from the stages' folders."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlforge_tasks import plugins
from mlforge_tasks.agents import (
    BoardFacts,
    DesignBrief,
    Goal,
    Limits,
    Setup,
    Stripes,
    Workbench,
)
from mlforge_tasks.contract.board import Board
from mlforge_tasks.contract.data_card import CARD, DataCard
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.contract.search import Search
from mlforge_tasks.contract.sections import NPU_ENGINE
from mlforge_tasks.stages._arena_limit import arena_limit
from mlforge_tasks.stages._guesses import Guesses
from mlforge_tasks.stages._measure import measure
from mlforge_tasks.verdict.engine_choice import CHOICE, EngineChoice
from mlforge_tasks.verdict.trials import Trials, as_agents_see_it

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.verdict.trial import Trial

# What a search reads.
SPLIT: Split = "validation"


def open_engines(inputs: Mapping[str, Path], config: Mapping[str, Any]) -> tuple[str, ...]:
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


def card_of(dataset: Path, asked: Sequence[Mapping[str, Any]]) -> DataCard:
    """The data card, with what rules without a model reach of all that the contract asks.

    Of the validation split alone: no agent hears more of the test split than the card says.

    Args:
        dataset: The prepared data set.
        asked: The contract's figures.
    """
    card = DataCard.read(dataset / CARD)
    known = {(one.rule, one.metric) for one in card.baselines}
    wanted = [Figure.from_dump(one) for one in asked]
    told = Guesses.read(dataset, card, wanted).told(SPLIT)
    more = (one for one in told if (one.rule, one.metric) not in known)
    return card.model_copy(update={"baselines": (*card.baselines, *more)})


def _stripes(
    card: DataCard, config: Mapping[str, Any], without_model: Path | None
) -> Stripes | None:
    """Of the engine `aot`, where the contract lets it."""
    if without_model is None or "aot" not in config["engines"]:
        return None
    told = config["patches"]
    limit = arena_limit(without_model, told, card.input_shape)
    streamed = told.get("streamed", False)
    if limit is None and not streamed:
        return None
    return Stripes(beyond_bytes=limit or 0, streamed=streamed)


def _board(config: Mapping[str, Any]) -> BoardFacts:
    board = Board.from_dump(config["board"])
    return BoardFacts(
        name=board.name,
        cpu=board.cpu,
        clock_hz=board.clock_hz,
        cycles_per_instruction=board.cycles_per_instruction,
        flash_bytes=board.flash.length_bytes if board.flash else None,
        ram_bytes=board.ram.length_bytes if board.ram else None,
        fpu=board.fpu,
        dsp=board.dsp,
        mve=board.mve,
        npu=board.npu.accelerator if board.npu and NPU_ENGINE in config["engines"] else None,
        calibrated=config.get("calibrated"),
    )


def brief_of(
    card: DataCard,
    search: Search,
    config: Mapping[str, Any],
    without_model: Path | None = None,
) -> DesignBrief:
    """What the agent is told.

    Args:
        card: The data card.
        search: The contract's section.
        config: As `propose.run` takes it, with the engines that are open.
        without_model: That stage's folder, where the engine may make patches.
    """
    return DesignBrief(
        task=card.task,
        input_shape=card.input_shape,
        output_count=card.output_count,
        limits=Limits.from_dump(config["limits"]),
        goals=tuple(Goal.from_dump(one) for one in config["goals"]),
        board=_board(config),
        engines=tuple(config["engines"]),
        iterations_left=search.max_iterations - config["iteration"] + 1,
        seed=search.seed,
        score=search.score,
        stripes=_stripes(card, config, without_model),
        activations=search.activations,
    )


def judged(inputs: Mapping[str, Path]) -> tuple[Trials, ...]:
    """Every round so far."""
    folders = (inputs[name] for name in sorted(inputs) if name.startswith("judge"))
    return tuple(Trials.read(folder / "trials.json") for folder in folders)


def workbench(
    inputs: Mapping[str, Path],
    out: Path,
    search: Search,
    card: DataCard,
    config: Mapping[str, Any],
) -> Workbench:
    """What the agent may use.

    Args:
        inputs: As `propose.run` takes them.
        out: Where it may keep files.
        search: The contract's section.
        card: What there is to know about the data.
        config: As `propose.run` takes it, with the engines that are open.
    """
    engines, rounds, probe = config["engines"], judged(inputs), None
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
        probed=tuple(as_agents_see_it(one) for trials in rounds for one in trials.probes),
        tokens_used=sum(trials.tokens for trials in rounds),
        probe=probe,
        keep=keep,
    )


def history(inputs: Mapping[str, Path]) -> tuple[Trial, ...]:
    """Every candidate judged so far, oldest first, without what no search may learn from."""
    return tuple(as_agents_see_it(one.trial) for trials in judged(inputs) for one in trials.results)
