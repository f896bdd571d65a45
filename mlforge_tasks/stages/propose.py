"""propose: the agent's next architectures, from the brief and the measured history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks import agents, plugins
from mlforge_tasks.agents import BoardFacts, DesignBrief, Goal, Limits, Workbench
from mlforge_tasks.board import Board
from mlforge_tasks.dataset_spec import DataCard
from mlforge_tasks.errors import ToolError
from mlforge_tasks.records import canonical_json
from mlforge_tasks.search import Search
from mlforge_tasks.stages import main
from mlforge_tasks.trials import Trials, as_agents_see_it

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.agents import Trial


def _brief(card: DataCard, search: Search, config: Mapping[str, Any]) -> DesignBrief:
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
            flash_bytes=board.flash.length_bytes,
            ram_bytes=board.ram.length_bytes,
        ),
        iterations_left=search.max_iterations - config["iteration"] + 1,
        seed=search.seed,
    )


def _history(inputs: Mapping[str, Path]) -> tuple[Trial, ...]:
    folders = (inputs[name] for name in sorted(inputs) if name.startswith("judge"))
    return tuple(
        as_agents_see_it(result.trial)
        for folder in folders
        for result in Trials.read(folder / "trials.json").results
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `candidates.json`: `{"candidates": [architecture, …]}`.

    Args:
        inputs: `dataset`, `judgeNN` for each iteration so far, and `file` where the search names
            one.
        out: Output folder.
        config: `limits` (margins taken off), `goal`, `search`, `board`, `iteration`.
    """
    search = Search.from_dump(config["search"])
    agent = plugins.load(agents, search.agent)
    brief = _brief(DataCard.read(inputs["dataset"] / "data_card.json"), search, config)
    bench = Workbench(search, inputs["file"].read_bytes() if "file" in inputs else None)
    proposals = agent.propose(brief, _history(inputs), search.candidates_per_iteration, bench)
    if len(proposals) > search.candidates_per_iteration:
        raise ToolError(f"agent '{search.agent}' proposed more than it was asked for")
    candidates = [architecture.model_dump(mode="json") for architecture in proposals]
    (out / "candidates.json").write_bytes(canonical_json({"candidates": candidates}) + b"\n")


if __name__ == "__main__":
    main(run)
