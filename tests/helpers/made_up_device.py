"""Agents on a made-up device: what they are asked, and what their proposals come to there.

Hardware and training are stood in for by a made-up truth whose constants are not those that the
optimiser starts with: what is tested is that it learns from figures.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks import plugins
from mlforge_tasks.agents import Agent, BoardFacts, DesignBrief, Goal, Limits, Workbench
from mlforge_tasks.agents._loop_costs import INSTRUCTIONS
from mlforge_tasks.agents._loops import runs
from mlforge_tasks.architecture import Architecture, Shape, StaticFigures, static_figures
from mlforge_tasks.contract.search import Search
from mlforge_tasks.engines._foretold import foretold
from mlforge_tasks.records import Measurement, Reason, Verdict, sha256_bytes
from mlforge_tasks.verdict.constraints import Bound, judge
from mlforge_tasks.verdict.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BENCH = Workbench(Search(agent="optimizer", max_iterations=8))
INPUTS: dict[str, Shape] = {"features": (9,), "series": (24, 2), "image": (16, 16, 1)}
ROOMY = Limits(ram_bytes=16_384, flash_bytes=65_536, latency_us=4000)
IMPOSSIBLE = Limits(ram_bytes=64, flash_bytes=1024, latency_us=1, stack_bytes=16)
CLOCK_HZ = 25_000_000


def load(name: str) -> Agent:
    agent: Agent = plugins.load("agents", name)
    return agent


def make_brief(
    input_shape: Shape = INPUTS["series"], limits: Limits = ROOMY, seed: int = 1
) -> DesignBrief:
    return DesignBrief(
        task="regression",
        input_shape=input_shape,
        output_count=1,
        limits=limits,
        goals=(Goal(metric="mse", target=0.0, direction="minimize"),),
        board=BoardFacts(
            name="mps2/an385",
            cpu="cortex-m3",
            clock_hz=CLOCK_HZ,
            cycles_per_instruction=1.0,
            flash_bytes=4 << 20,
            ram_bytes=4 << 20,
            fpu=False,
            dsp=False,
            mve=False,
        ),
        engines=("aot",),
        iterations_left=8,
        seed=seed,
    )


def figures_of(brief: DesignBrief, architecture: Architecture) -> StaticFigures:
    return static_figures(architecture, brief.input_shape, brief.task, brief.output_count)


def price(loop: str) -> float:
    """What a loop takes on this made-up device, off by up to a third from what it is guessed to."""
    luck = int(sha256_bytes(loop.encode())[:4], 16) / 0xFFFF
    return INSTRUCTIONS["portable"][loop] * (2 / 3 + 2 / 3 * luck)


def truth(figures: StaticFigures) -> dict[str, float]:
    """What this made-up device measures."""
    loops = runs(figures, "portable")
    instructions = 4000.0 + sum(price(loop) * loops[loop] for loop in INSTRUCTIONS["portable"])
    flash = 4300.0 + figures.weight_bytes + 1400 * len({each.operation for each in figures.layers})
    for each in figures.layers:
        flash += each.channels * 12 + 130
    return {
        "ram_bytes": 1940 + foretold(figures, "portable").arena_bytes * 1.06,
        "flash_bytes": flash,
        "latency_us": instructions / CLOCK_HZ * 1e6,
    }


def error_of(architecture: Architecture, figures: StaticFigures) -> float:
    """A made-up error: larger networks are better, up to a point, and some are luckier."""
    size = math.log10(figures.macs * figures.parameters + 10)
    luck = int(sha256_bytes(architecture.to_bytes())[:4], 16) / 0xFFFF
    return 700 - 35 * size + 20 * max(0.0, size - 9) ** 2 + 25 * luck


def evaluate(brief: DesignBrief, architecture: Architecture, number: int) -> Trial:
    """What the pipeline would record: no training where the hardware figures break a limit."""
    figures = figures_of(brief, architecture)
    found = [
        Measurement(metric=metric, value=value, unit="", source="emulated")
        for metric, value in truth(figures).items()
    ]
    bounds = [
        Bound(metric=metric, limit=limit, unit="")
        for metric, limit in brief.limits.by_metric().items()
        if limit is not None and metric != "stack_bytes"
    ]
    if judge(bounds, found).met:
        error = error_of(architecture, figures)
        found.append(Measurement(metric="mse", value=error, unit="", source="emulated"))
    goal = Bound(metric="mse", limit=brief.goals[0].target, unit="")
    return Trial(
        id=f"{number}.0",
        architecture=architecture,
        figures=figures,
        measurements=tuple(found),
        verdict=judge([*bounds, goal], found),
    )


def search(agent: Agent, brief: DesignBrief, iterations: int) -> tuple[Trial, ...]:
    trials: tuple[Trial, ...] = ()
    for number in range(iterations):
        (proposed,) = agent.propose(brief, trials, 1, BENCH)
        trials += (evaluate(brief, proposed, number),)
    return trials


def errors(trials: Iterable[Trial]) -> list[float]:
    """The errors of those that were trained."""
    measured = (one for trial in trials for one in trial.measurements)
    return [one.value for one in measured if one.metric == "mse"]


def failed(code: str, architecture: Architecture, number: int) -> Trial:
    reason = Reason(code=code, stage="run", message="failed")
    return Trial(
        id=f"{number}.0",
        architecture=architecture,
        figures=figures_of(make_brief(), architecture),
        reason=reason,
        verdict=Verdict(met=False, clauses=()),
    )


def changed(trial: Trial, metric: str, change: Callable[[float], float]) -> Trial:
    """A trial on a device where one figure comes out differently."""
    found = tuple(
        one.model_copy(update={"value": change(one.value)}) if one.metric == metric else one
        for one in trial.measurements
    )
    return trial.model_copy(update={"measurements": found})
