"""The conformance suite that each agent must pass."""

from __future__ import annotations

import json
import math

import pytest

from mlforge_tasks import plugins
from mlforge_tasks.agents import Agent, Limits, Workbench
from mlforge_tasks.agents._cost import CostModel, count
from mlforge_tasks.agents._space import space_for
from mlforge_tasks.agents._tools import Toolbox
from mlforge_tasks.agents._tpe import _excess
from mlforge_tasks.architecture import (
    Architecture,
    KMeans,
    Score,
    Shape,
    infer_shapes,
    score_of,
    smallest,
)
from mlforge_tasks.contract.search import Llm, Search
from mlforge_tasks.records import Measurement, Reason
from mlforge_tasks.verdict.trial import Trial
from tests.helpers.made_up_device import (
    BENCH,
    IMPOSSIBLE,
    INPUTS,
    ROOMY,
    evaluate,
    failed,
    figures_of,
    load,
    make_brief,
    search,
)

AGENTS = ("optimizer", "random_search", "tpe")
# They propose what they are told: by a contract, a model, a transcript; their tests are their own.
TOLD = ("anthropic", "fixed", "replay")


def test_every_agent_is_in_the_conformance_suite() -> None:
    """A new agent has to be added to `AGENTS`."""
    assert plugins.installed("agents") == tuple(sorted((*AGENTS, *TOLD)))


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
    tiny = space_for((9,), "classification")
    choices = tuple(
        type(choice)(choice.name, choice.options[:1], ordered=choice.ordered)
        for choice in tiny.choices
    )
    small = type(tiny)(choices, tiny.build)
    agent = load(name)
    monkeypatch.setattr(f"mlforge_tasks.agents.{name}.space_for", lambda *_: small)
    trials = search(agent, make_brief(INPUTS["features"]), 1)
    proposed = agent.propose(make_brief(INPUTS["features"]), trials, 3, BENCH)
    assert len(proposed) == 3
    assert set(proposed) <= {trials[0].architecture, *smallest(INPUTS["features"], "regression")}


@pytest.mark.parametrize("shape", INPUTS.values())
@pytest.mark.parametrize("name", AGENTS)
def test_what_reconstructs_an_input_is_narrow(name: str, shape: Shape) -> None:
    """At most half as many numbers as the input has pass through: else nothing is told apart."""
    brief = make_brief(shape).model_copy(
        update={"task": "anomaly", "output_count": math.prod(shape)}
    )
    proposed = [trial.architecture for trial in search(load(name), brief, 6)]
    for one in proposed:
        assert one is not None
        if isinstance(one.layers[0], KMeans):
            continue
        sizes = [
            math.prod(layer.output_shape)
            for layer in infer_shapes(one, shape, "anomaly", math.prod(shape))
        ]
        assert 2 * min(sizes) <= math.prod(shape)
        assert sizes[-1] == math.prod(shape)
    assert len(set(proposed)) == 6


@pytest.mark.parametrize("score", ["reconstruction", "distance"])
@pytest.mark.parametrize("name", AGENTS)
def test_a_contract_may_want_one_kind_of_score(name: str, score: Score) -> None:
    """Then nothing else is proposed."""
    shape = INPUTS["series"]
    changes = {"task": "anomaly", "output_count": math.prod(shape), "score": score}
    proposed = load(name).propose(make_brief(shape).model_copy(update=changes), (), 4, BENCH)
    assert {score_of(one) for one in proposed} == {score}
    assert len(set(proposed)) == 4


def test_a_model_hears_that_the_contract_wants_another_score() -> None:
    """A language model's design is refused by its tools, before anything is built."""
    shape = INPUTS["features"]
    llm = Llm.model_validate({"model": "m"})
    bench = Workbench(Search(agent="anthropic", max_iterations=8, llm=llm))
    design = {"layers": [{"kind": "k_means", "clusters": 2}]}
    for score, refused in (("reconstruction", True), (None, False)):
        changes = {"task": "anomaly", "output_count": 9, "score": score}
        tools = Toolbox(make_brief(shape).model_copy(update=changes), (), 1, bench, llm)
        told = json.loads(tools.call("estimate", {"architecture": design}).text)
        assert ("failed" in told) is refused
        assert tools.call("propose", {"architectures": [design]}).wrong is refused


def test_centroids_are_proposed_where_no_network_fits() -> None:
    """As many as there is flash for: 64 of 9 values take about 4,170 bytes on a Cortex-M3."""
    shape, limits = (9,), Limits(flash_bytes=4120)
    changes = {"task": "anomaly", "output_count": 9}
    brief = make_brief(shape, limits).model_copy(update=changes)
    (found,) = load("optimizer").propose(brief, (), 1, BENCH)
    assert found.layers == (KMeans(clusters=32),)


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
    counts = count(figures_of(brief, proposed), "portable")
    assert other.pressure(counts) == costs.pressure(counts) > 0


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
    trial = tools.probes[0].as_trial(1, 0)
    assert _excess(brief, trial) == {metric: 1.0}
    counts = count(figures_of(brief, design), "portable")
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
