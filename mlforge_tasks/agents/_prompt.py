"""What a language model is told: the contract, the target, the data, and what was measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlforge_tasks.agents._tools import detail, summary
from mlforge_tasks.render import render

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Trial, Workbench
    from mlforge_tasks.agents._tools import Toolbox
    from mlforge_tasks.dataset_spec import DataCard
    from mlforge_tasks.search import Llm

TEMPLATES = "agents/anthropic"
# Text from the contract's author or from the data, at most so long.
TEXT_LENGTH = 120
# The latest trials are shown with their layers; the `history` tool has them all.
DETAILED = 3


def _clipped(value: Any) -> Any:
    if isinstance(value, str):
        return value[:TEXT_LENGTH]
    if isinstance(value, dict):
        return {key: _clipped(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clipped(inner) for inner in value]
    return value


def fenced(value: Any) -> str:
    """JSON that cannot end the element it stands in: names and labels are anyone's text."""
    text = json.dumps(value, ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _data(card: DataCard) -> dict[str, Any]:
    """What of a data card helps to design a network; nothing that the test split says."""
    kept = {"task", "input_shape", "output_count", "labels", "features", "outputs", "window"}
    facts: dict[str, Any] = _clipped(card.model_dump(mode="json", include=kept))
    seen = [one for one in card.baselines if one.split != "test"]
    return facts | {
        "splits": [{"name": one.name, "examples": one.examples} for one in card.splits],
        "baselines": [one.model_dump(mode="json") for one in seen],
    }


def system_prompt(brief: DesignBrief, bench: Workbench, settings: Llm) -> str:
    """The part that stays the same over a search."""
    facts = {} if bench.card is None else _data(bench.card)
    return render(
        f"{TEMPLATES}/system.jinja",
        limits=fenced(brief.limits.model_dump(mode="json", exclude_none=True)),
        goal=fenced(brief.goal.model_dump(mode="json")),
        board=fenced(brief.board.model_dump(mode="json")),
        data=fenced(facts),
        input_shape=fenced(brief.input_shape),
        classification=brief.task == "classification",
        attempts=settings.attempts,
    )


def question(brief: DesignBrief, history: tuple[Trial, ...], wanted: int, tools: Toolbox) -> str:
    """The part that changes with each round."""
    older, latest = history[:-DETAILED], history[-DETAILED:]
    shown = [_clipped(summary(one)) for one in older]
    shown += [detail(one, tools.costs) for one in latest]
    return render(
        f"{TEMPLATES}/question.jinja",
        history=fenced(shown),
        tried=len(history),
        wanted=wanted,
        rounds=brief.iterations_left,
        tool_calls=tools.calls_left,
        probes=tools.probes_left,
    )
