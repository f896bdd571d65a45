"""Agents: the conformance suite that each must pass, and how well the optimiser does.

Hardware and training are stood in for by a made-up truth whose constants are not those that the
optimiser starts with: what is tested is that it learns from figures.
"""

from __future__ import annotations

import json
import math
import statistics
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import agents, plugins
from mlforge_tasks.agents import Agent, BoardFacts, DesignBrief, Goal, Limits, Workbench
from mlforge_tasks.agents._cost import CostModel, count
from mlforge_tasks.agents._loops import INSTRUCTIONS, LOOPS, runs
from mlforge_tasks.agents._probes import as_trial
from mlforge_tasks.agents._space import space_for
from mlforge_tasks.agents._tools import Toolbox
from mlforge_tasks.agents._tpe import _excess
from mlforge_tasks.architecture import Architecture, Dense, Shape, StaticFigures, static_figures
from mlforge_tasks.contract.search import Search
from mlforge_tasks.records import Measurement, Reason, Verdict, sha256_bytes
from mlforge_tasks.verdict.constraints import Bound, judge
from mlforge_tasks.verdict.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

AGENTS = ("optimizer", "random_search", "tpe")
# They propose what they are told: by a contract, a model, a transcript; their tests are their own.
TOLD = ("anthropic", "fixed", "replay")
BENCH = Workbench(Search(agent="optimizer", max_iterations=8))
INPUTS: dict[str, Shape] = {"features": (9,), "series": (24, 2), "image": (16, 16, 1)}
ROOMY = Limits(ram_bytes=16_384, flash_bytes=65_536, latency_us=4000)
IMPOSSIBLE = Limits(ram_bytes=64, flash_bytes=1024, latency_us=1, stack_bytes=16)
CLOCK_HZ = 25_000_000


def load(name: str) -> Agent:
    agent: Agent = plugins.load(agents, name)
    return agent


def make_brief(
    input_shape: Shape = INPUTS["series"], limits: Limits = ROOMY, seed: int = 1
) -> DesignBrief:
    return DesignBrief(
        task="regression",
        input_shape=input_shape,
        output_count=1,
        limits=limits,
        goal=Goal(metric="mse", target=0.0, direction="minimize"),
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


@pytest.mark.parametrize("name", AGENTS)
def test_a_board_without_memories_and_clock_is_no_trouble(name: str) -> None:
    """For a process the contract's limits count, but for the latency, which nothing foretells."""
    brief = make_brief()
    facts = {"clock_hz": None, "cycles_per_instruction": None, "flash_bytes": None}
    board = brief.board.model_copy(update={**facts, "ram_bytes": None})
    brief = brief.model_copy(update={"board": board})
    (proposed,) = load(name).propose(brief, (), 1, BENCH)
    costs = CostModel(brief, ())
    assert "latency_us" not in costs.foretell(figures_of(brief, proposed))
    fast = brief.limits.model_copy(update={"latency_us": 1e-9})
    other = CostModel(brief.model_copy(update={"limits": fast}), ())
    counts = count(figures_of(brief, proposed))
    assert other.pressure(counts) == costs.pressure(counts) > 0


def figures_of(brief: DesignBrief, architecture: Architecture) -> StaticFigures:
    return static_figures(architecture, brief.input_shape, brief.task, brief.output_count)


def price(loop: str) -> float:
    """What a loop takes on this made-up device, off by up to a third from what it is guessed to."""
    luck = int(sha256_bytes(loop.encode())[:4], 16) / 0xFFFF
    return INSTRUCTIONS["portable"][loop] * (2 / 3 + 2 / 3 * luck)


def truth(figures: StaticFigures) -> dict[str, float]:
    """What this made-up device measures."""
    loops = runs(figures)
    instructions = 4000.0 + sum(price(loop) * loops[loop] for loop in INSTRUCTIONS["portable"])
    flash = 4300.0 + figures.weight_bytes + 1400 * len({each.operation for each in figures.layers})
    for each in figures.layers:
        flash += each.channels * 12 + 130
    return {
        "ram_bytes": 1940 + figures.peak_activation_bytes * 1.06,
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
        for metric, limit in brief.limits
        if limit is not None and metric != "stack_bytes"
    ]
    if judge(bounds, found).met:
        error = error_of(architecture, figures)
        found.append(Measurement(metric="mse", value=error, unit="", source="emulated"))
    goal = Bound(metric="mse", limit=brief.goal.target, unit="")
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


# --- Conformance --------------------------------------------------------------------------------


def test_every_agent_is_in_the_conformance_suite() -> None:
    """A new agent has to be added to `AGENTS`."""
    assert plugins.names(agents) == tuple(sorted((*AGENTS, *TOLD)))


@pytest.fixture(params=AGENTS)
def agent(request: pytest.FixtureRequest) -> Agent:
    return load(request.param)


def test_an_agent_is_named_as_its_module() -> None:
    """The name in a contract and in a report is one and the same."""
    assert all(load(name).name == name for name in (*AGENTS, *TOLD))


@pytest.mark.parametrize("input_shape", INPUTS.values(), ids=INPUTS)
def test_proposals_are_valid_as_many_as_asked_for_and_distinct(
    agent: Agent, input_shape: Shape
) -> None:
    """Each proposal works out for the input, and a batch holds no network twice."""
    brief = make_brief(input_shape)
    proposed = agent.propose(brief, (), 5, BENCH)
    assert len(set(proposed)) == 5
    assert all(figures_of(brief, each).macs > 0 for each in proposed)


@pytest.mark.parametrize(
    "limits", [ROOMY, Limits(), IMPOSSIBLE], ids=["roomy", "none", "impossible"]
)
def test_no_proposal_repeats_the_history(agent: Agent, limits: Limits) -> None:
    """What was judged is not judged again, whatever came out."""
    trials = search(agent, make_brief(limits=limits), 7)
    assert len({trial.architecture for trial in trials}) == 7


def test_the_same_arguments_give_the_same_proposals(agent: Agent) -> None:
    """Neither the clock nor earlier calls matter; the seed does."""
    brief = make_brief()
    trials = search(agent, brief, 6)
    first = agent.propose(brief, trials, 2, BENCH)
    agent.propose(make_brief(INPUTS["image"]), (), 1, BENCH)
    assert agent.propose(brief, trials, 2, BENCH) == first
    assert agent.propose(make_brief(seed=2), trials, 2, BENCH) != first


@pytest.mark.parametrize("code", ["does_not_fit", "diverged", "hang", "invalid_architecture"])
def test_a_history_of_failures_only_is_coped_with(agent: Agent, code: str) -> None:
    """Failures without any figures still lead to new proposals."""
    brief = make_brief()
    trials: tuple[Trial, ...] = ()
    for number in range(6):
        (proposed,) = agent.propose(brief, trials, 1, BENCH)
        trials += (failed(code, proposed, number),)
    assert len({trial.architecture for trial in trials}) == 6


def test_a_history_that_another_agent_wrote_is_coped_with(agent: Agent) -> None:
    """Networks from outside the search space, and ones whose shapes did not work out."""
    brief = make_brief()
    foreign = Architecture.model_validate(
        {"layers": [{"kind": "flatten"}, {"kind": "dense", "units": 33, "activation": "tanh"}]}
    )
    invalid = Architecture.model_validate({"layers": [{"kind": "dense", "units": 4}]})
    reason = Reason(code="invalid_architecture", stage="render", message="needs a flat input")
    trials = (evaluate(brief, foreign, 0), Trial(id="1.0", architecture=invalid, reason=reason))
    assert len(agent.propose(brief, trials, 2, BENCH)) == 2


@pytest.mark.parametrize("name", AGENTS)
def test_an_exhausted_space_gives_repeats_rather_than_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline always gets the number of candidates it has declared."""
    tiny = space_for((9,))
    choices = tuple(
        type(choice)(choice.name, choice.options[:1], ordered=choice.ordered)
        for choice in tiny.choices
    )
    small = type(tiny)(choices, tiny.build)
    agent = load(name)
    monkeypatch.setattr(f"mlforge_tasks.agents.{name}.space_for", lambda _: small)
    trials = search(agent, make_brief(INPUTS["features"]), 1)
    assert (
        agent.propose(make_brief(INPUTS["features"]), trials, 3, BENCH)
        == (trials[0].architecture,) * 3
    )


# --- The space ----------------------------------------------------------------------------------


def test_flat_features_have_autoencoders() -> None:
    """One family narrows to a waist and widens again, to the width that it began with."""
    space = space_for(INPUTS["features"])
    names = [choice.name for choice in space.choices]
    options = {"block": "bottleneck", "width": 32, "growth": 0.5, "blocks": 2}
    picked = {
        one.name: one.options.index(options.get(one.name, one.options[0])) for one in space.choices
    }
    layers = space.architecture(tuple(picked[name] for name in names)).layers
    assert [one.units for one in layers if isinstance(one, Dense)] == [32, 16, 8, 16, 32]


# --- TPE ----------------------------------------------------------------------------------------


def test_plain_tpe_does_not_look_at_the_goal_of_what_breaks_a_limit() -> None:
    """The benchmark relies on it: whether such a candidate was trained changes no proposal."""
    brief = make_brief(limits=Limits(ram_bytes=4096, flash_bytes=24_576, latency_us=2000))
    plain = load("tpe")
    bare = search(plain, brief, 9)
    infeasible = [not errors([trial]) for trial in bare]
    assert any(infeasible)
    assert not all(infeasible)
    trained = tuple(
        trial.model_copy(
            update={
                "measurements": (
                    *trial.measurements,
                    Measurement(metric="mse", value=float(number), unit="", source="emulated"),
                )
            }
        )
        if missing
        else trial
        for number, (trial, missing) in enumerate(zip(bare, infeasible, strict=True))
    )
    assert plain.propose(brief, trained, 1, BENCH) == plain.propose(brief, bare, 1, BENCH)


# --- The optimiser ------------------------------------------------------------------------------


def pressure(brief: DesignBrief, architecture: Architecture) -> float:
    """The largest share of a limit that a network really takes."""
    found = truth(figures_of(brief, architecture))
    limits: dict[str, float | None] = dict(brief.limits)
    return max(value / (limits[name] or math.inf) for name, value in found.items())


def test_impossible_limits_get_the_smallest_networks() -> None:
    """The judge says that nothing fits; the agent only comes as close as it can."""
    brief = make_brief(limits=IMPOSSIBLE)
    naive = load("random_search").propose(brief, (), 20, BENCH)
    least = min(pressure(brief, each) for each in naive)
    assert all(
        pressure(brief, each) <= least for each in load("optimizer").propose(brief, (), 2, BENCH)
    )


def test_it_shrinks_after_failures_that_have_no_figures() -> None:
    """An image that did not link says nothing but that it was too large."""
    brief = make_brief()
    optimizer = load("optimizer")
    (first,) = optimizer.propose(brief, (), 1, BENCH)
    trials = (failed("does_not_fit", first, 0),)
    (second,) = optimizer.propose(brief, trials, 1, BENCH)
    (third,) = optimizer.propose(brief, (*trials, failed("does_not_fit", second, 1)), 1, BENCH)
    costs = CostModel(brief, ())
    sizes = [costs.pressure(count(figures_of(brief, each))) for each in (first, second, third)]
    assert sizes[0] > sizes[1] > sizes[2]


def changed(trial: Trial, metric: str, change: Callable[[float], float]) -> Trial:
    """A trial on a device where one figure comes out differently."""
    found = tuple(
        one.model_copy(update={"value": change(one.value)}) if one.metric == metric else one
        for one in trial.measurements
    )
    return trial.model_copy(update={"measurements": found})


def test_it_follows_the_measured_speed_not_its_first_guess() -> None:
    """On a faster device the next network is larger, on a slower one smaller."""
    brief = make_brief(limits=Limits(latency_us=4000))
    optimizer = load("optimizer")
    (first,) = optimizer.propose(brief, (), 1, BENCH)
    trial = evaluate(brief, first, 0)

    def next_macs(factor: float) -> int:
        slower = changed(trial, "latency_us", lambda value: value * factor)
        (proposed,) = optimizer.propose(brief, (slower,), 1, BENCH)
        return figures_of(brief, proposed).macs

    assert next_macs(4.0) < figures_of(brief, first).macs < next_macs(0.25)


@pytest.mark.parametrize("metric", ["latency_p99_us", "latency_max_us"])
def test_the_latency_that_is_judged_is_the_one_that_agents_look_at(metric: str) -> None:
    """Where the median keeps a limit and the judged statistic breaks it, every agent sees that."""
    brief = make_brief(limits=Limits.from_dump({"ram_bytes": 16_384, metric: 4000}))
    (design,) = load("random_search").propose(brief, (), 1, BENCH)
    found = tuple(
        Measurement(metric=name, value=value, unit="us", source="emulated")
        for name, value in (("latency_us", 100.0), (metric, 8000.0))
    )
    search = Search.from_dump({"agent": "anthropic", "max_iterations": 8, "llm": {"model": "m"}})
    bench = Workbench(search, probe=lambda _: found)
    tools = Toolbox(brief, (), 1, bench, bench.llm)
    told = json.loads(tools.call("probe", {"architecture": design.model_dump(mode="json")}).text)
    assert told["measured"] == {
        metric: {"value": 8000.0, "limit": 4000.0, "keeps": False, "source": "emulated"}
    }
    trial = as_trial(tools.probes[0], 1, 0)
    assert _excess(brief, trial) == {metric: 1.0}
    counts = count(figures_of(brief, design))
    assert tools.costs.predict(counts)[metric].expected == pytest.approx(8000, rel=0.2)
    assert tools.costs.pressure(counts) > 1.0


def test_a_limit_on_the_median_is_told_as_ever() -> None:
    """Transcripts know the brief by its digest."""
    assert ROOMY.model_dump(mode="json") == {
        "ram_bytes": 16_384.0,
        "flash_bytes": 65_536.0,
        "latency_us": 4000.0,
        "stack_bytes": None,
    }


@pytest.mark.parametrize("input_shape", INPUTS.values(), ids=INPUTS)
def test_every_loop_has_a_price(input_shape: Shape) -> None:
    """Each that a network of a space runs, on the cores whose kernels have it."""
    brief = make_brief(input_shape)
    for each in load("random_search").propose(brief, (), 100, BENCH):
        assert set(runs(figures_of(brief, each))) <= set(LOOPS)


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        ("ram_bytes", lambda value: value),
        ("ram_bytes", lambda value: value + 8000),
        ("flash_bytes", lambda value: value),
        ("flash_bytes", lambda value: value + 20_000),
        ("latency_us", lambda value: value),
        ("latency_us", lambda value: value * 2),
    ],
    ids=["ram", "ram-of-an-os", "flash", "flash-of-an-os", "latency", "latency-of-a-slow-core"],
)
def test_predictions_are_close_after_eight_measurements(
    metric: str, change: Callable[[float], float]
) -> None:
    """Median errors are within 5 % on 30 other networks, however wrong the first guess was."""
    brief = make_brief()
    trials = search(load("random_search"), brief, 8)
    costs = CostModel(brief, tuple(changed(trial, metric, change) for trial in trials))
    misses = []
    for each in load("random_search").propose(make_brief(seed=9), (), 30, BENCH):
        figures = figures_of(brief, each)
        predicted = costs.predict(count(figures))[metric].expected
        misses.append(abs(predicted / change(truth(figures)[metric]) - 1))
    assert statistics.median(misses) < 0.05


@pytest.mark.parametrize(
    ("input_shape", "limits"),
    [
        (INPUTS["series"], Limits(ram_bytes=4096, flash_bytes=24_576, latency_us=2000)),
        (INPUTS["image"], Limits(ram_bytes=6144, flash_bytes=32_768, latency_us=10_000)),
    ],
    ids=["series", "image"],
)
def test_it_beats_random_search(input_shape: Shape, limits: Limits) -> None:
    """Over 5 seeds nearly all that it proposes fits, and the best found is better."""
    best: dict[str, list[float]] = {name: [] for name in AGENTS}
    fitting: dict[str, int] = dict.fromkeys(AGENTS, 0)
    for name in AGENTS:
        for seed in range(5):
            found = errors(search(load(name), make_brief(input_shape, limits, seed), 6))
            best[name].append(min(found, default=math.inf))
            fitting[name] += len(found)
    assert statistics.median(best["optimizer"]) < statistics.median(best["random_search"])
    assert fitting["optimizer"] >= 27
    assert fitting["random_search"] < 20
