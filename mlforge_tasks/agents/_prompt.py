"""What a language model is told: the contract, the target, the data, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.agents._situation import data_facts
from mlforge_tasks.agents._text import clipped, fenced
from mlforge_tasks.agents._told import detail, summary
from mlforge_tasks.render import render
from mlforge_tasks.verdict.constraints import target_of

if TYPE_CHECKING:
    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.agents._tools import Toolbox
    from mlforge_tasks.contract.search import Llm
    from mlforge_tasks.verdict.trial import Trial

TEMPLATES = "agents/anthropic"
# Text from the contract's author or from the data, at most so long.
TEXT_LENGTH = 120
# The latest trials are shown with their layers; the `history` tool has them all.
DETAILED = 3


def system_prompt(brief: DesignBrief, bench: Workbench, settings: Llm) -> str:
    """The part that stays the same over a search."""
    setup = {} if bench.setup is None else bench.setup.model_dump(mode="json")
    return render(
        f"{TEMPLATES}/system.jinja",
        limits=fenced(brief.limits.model_dump(mode="json", exclude_none=True)),
        goals=fenced([goal.model_dump(mode="json") for goal in brief.goals]),
        board=fenced(brief.board.model_dump(mode="json")),
        setup=fenced(setup),
        data=fenced(clipped(data_facts(bench.card), TEXT_LENGTH)),
        engines=brief.engines,
        further=any(target_of(one.metric) for one in brief.limits.others),
        input_shape=fenced(brief.input_shape),
        classification=brief.task == "classification",
        multilabel=brief.task == "multilabel",
        anomaly=brief.task == "anomaly",
        score=brief.score or "",
        attempts=settings.attempts,
    )


def question(
    brief: DesignBrief,
    history: tuple[Trial, ...],
    wanted: int,
    tools: Toolbox,
    probed: tuple[Trial, ...] = (),
) -> str:
    """The part that changes with each round."""
    older, latest = history[:-DETAILED], history[-DETAILED:]
    shown = [clipped(summary(one), TEXT_LENGTH) for one in older]
    shown += [detail(one, tools.costs) for one in latest]
    return render(
        f"{TEMPLATES}/question.jinja",
        history=fenced(shown),
        probed=fenced([clipped(summary(one), TEXT_LENGTH) for one in probed]),
        probed_count=len(probed),
        tried=len(history),
        wanted=wanted,
        rounds=brief.iterations_left,
        tool_calls=tools.calls_left,
        probes=tools.probes_left,
    )
