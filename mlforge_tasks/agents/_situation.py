"""What a question to a language model is made of, by digest: a replay has to find the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.contract.data_card import DataCard
    from mlforge_tasks.verdict.trial import Trial

# What each part is, for a person.
PARTS = {
    "brief": "the task, the limits, the goal, the board, the seed or the rounds",
    "data": "the data set",
    "setup": "mode, platform, engine, margins or training",
    "history": "what was measured of earlier candidates",
}


def data_facts(card: DataCard | None) -> dict[str, Any]:
    """What of a data card helps to design a network; nothing that the test split says."""
    if card is None:
        return {}
    kept = {"task", "input_shape", "output_count", "labels", "features", "outputs", "window"}
    seen = [one for one in card.baselines if one.split != "test"]
    return card.model_dump(mode="json", include=kept) | {
        "splits": [{"name": one.name, "examples": one.examples} for one in card.splits],
        "baselines": [one.model_dump(mode="json") for one in seen],
    }


def situation(brief: DesignBrief, history: tuple[Trial, ...], bench: Workbench) -> dict[str, str]:
    """Digest of each of the `PARTS`."""
    told = (*history, *bench.probed)
    parts = {
        "brief": brief.model_dump(mode="json"),
        "data": data_facts(bench.card),
        "setup": None if bench.setup is None else bench.setup.model_dump(mode="json"),
        "history": [trial.model_dump(mode="json") for trial in told],
    }
    return {name: sha256_bytes(canonical_json(part)) for name, part in parts.items()}


def differences(found: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """What differs between two situations, in words."""
    return [words for name, words in PARTS.items() if found.get(name) != wanted.get(name)]
