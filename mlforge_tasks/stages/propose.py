"""propose: the agent's next architectures, from the brief and the measured history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks import plugins
from mlforge_tasks.contract.search import LLM, Search
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import canonical_json
from mlforge_tasks.stages import main
from mlforge_tasks.verdict.transcript import TRANSCRIPT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.agents import Agent

# What an agent depends on, and so do its proposals.
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
        loads=(plugins.module("agents", agent),),
        resources=(prompts,) if product.path(prompts).exists() else (),
        secrets=SECRETS.get(agent, ()),
        kept_when_broken=(TRANSCRIPT,),
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `candidates.json`: `{"candidates": [architecture, …]}`.

    Args:
        inputs: `dataset`, `judgeNN` for each iteration so far, `file` where the search names one,
            `choice`, that of the iteration before, where the contract leaves the engine open, and
            `without_model`, where an engine may make patches.
        out: Output folder.
        config: `limits` (margins taken off), `goals`, `figures` (those that the contract asks),
            `search`, `board`, `engines`, `iteration`, `patches` (as of stage `engine`; else
            nothing),
            `probe` (what the probe's stages are configured with, for an agent that measures; else
            None), `setup` (what a language model is told of training and building; else None), and
            any `calibrated` (cycles an instruction of the board, by class of kernels).

    Raises:
        CandidateFailure: The agent came up with nothing.
        ToolError: What the agent depends on cannot be reached.
    """
    from mlforge_tasks.stages import _brief  # noqa: PLC0415 - what agents are told is many records

    search = Search.from_dump(config["search"])
    agent: Agent = plugins.load("agents", search.agent)
    card = _brief.card_of(inputs["dataset"], config["figures"])
    told = {**config, "engines": _brief.open_engines(inputs, config)}
    proposals = agent.propose(
        _brief.brief_of(card, search, told, inputs.get("without_model")),
        _brief.history(inputs),
        search.candidates_per_iteration,
        _brief.workbench(inputs, out, search, card, told),
    )
    if len(proposals) > search.candidates_per_iteration:
        raise ToolError(f"agent '{search.agent}' proposed more than it was asked for")
    candidates = [architecture.model_dump(mode="json") for architecture in proposals]
    (out / "candidates.json").write_bytes(canonical_json({"candidates": candidates}) + b"\n")


if __name__ == "__main__":
    main(run)
