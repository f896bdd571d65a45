"""Limits: each has its field, and what derived figures and agents make of it."""

from __future__ import annotations

import pkgutil

import pytest

from mlforge_tasks.agents import OtherLimit
from mlforge_tasks.agents._implied import implied
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.limits import Limits
from mlforge_tasks.contract.operation import Operation
from mlforge_tasks.records import Measurement, Source
from mlforge_tasks.verdict import derived, limits
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.derived import Conditions
from mlforge_tasks.verdict.engine_choice import attempt
from mlforge_tasks.verdict.fronts import undominated
from mlforge_tasks.verdict.limit_kind import Known, LimitKind
from mlforge_tasks.verdict.trial import Trial

CONDITIONS = Conditions(board=load_board("mps2/an386"), operation=Operation())


def test_every_limit_of_a_contract_has_its_kind() -> None:
    """Nothing may be written that nobody judges, and no module lies there unused."""
    fields = set(Limits.model_fields) - {"latency_statistic"}
    assert fields == {one.field for one in limits.KINDS}
    modules = {one.name for one in pkgutil.iter_modules(limits.__path__)}
    assert len(modules) == len(limits.KINDS)


def test_where_a_limit_stands() -> None:
    """Its key is the one that a contract has."""
    assert limits.BY_METRIC["latency_p99_us"].key == "limits.latency"


def _measured(metric: str, value: float, source: Source) -> Measurement:
    return Measurement(metric=metric, value=value, unit="us", source=source)


def _twice(known: Known) -> Measurement | None:
    value = known.value("latency_us")
    return None if value is None else _measured("twice_us", 2 * value, "static")


TWICE = LimitKind(field="twice_us", unit="us", told="", figure=_twice)


def test_a_figure_follows_from_the_most_trustworthy_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computed one is there once, though two sources measured what it follows from."""
    monkeypatch.setattr(derived, "KINDS", (TWICE,))
    measured = (_measured("latency_us", 5, "hardware"), _measured("latency_us", 3, "emulated"))
    (found,) = CONDITIONS.derived(measured)[2:]
    assert (found.value, found.source) == (10, "static")
    # What is derived already, such as of a probe that a transcript holds, is not derived again.
    assert CONDITIONS.derived((*measured, found)) == (*measured, found)


def _trial(identity: str, latency_us: float, value: float) -> Trial:
    figures = (_measured("latency_us", latency_us, "emulated"), _measured("x", value, "emulated"))
    return Trial(
        id=identity,
        architecture=None,
        figures=None,
        reason=None,
        measurements=figures,
        verdict=None,
    )


def _other(limit: float, direction: str = "at_most") -> OtherLimit:
    return OtherLimit.from_dump(
        {
            "metric": "x",
            "limit": limit,
            "unit": "1",
            "direction": direction,
            "told": "",
            "grows_with": "latency_us",
        }
    )


def test_what_a_limit_leaves_of_the_latency() -> None:
    """Nothing is implied as long as it is kept; else it lies below the least that breaks it."""
    one, two, three = _trial("1", 100.0, 50.0), _trial("2", 200.0, 90.0), _trial("3", 300.0, 130.0)
    assert implied([_other(40.0)], [], "latency_us") == {}
    assert implied([_other(200.0)], [one, two], "latency_us") == {}
    assert implied([_other(40.0)], [three, one], "latency_us") == {"latency_us": 80.0}
    # 10 + 0.4 times the latency.
    found = implied([_other(70.0)], [one, two, three], "latency_us")
    assert found == pytest.approx({"latency_us": 150.0})


def test_what_hardly_grows_leaves_room() -> None:
    """A CPU share that the kernel makes says nothing of how large a network may be."""
    shares = [_trial("1", 16.3, 0.1855), _trial("2", 20.0, 0.1839), _trial("3", 41.6, 0.1808)]
    assert implied([_other(0.25)], shares, "latency_us") == {}


def test_what_must_be_large_falls_with_the_latency() -> None:
    """20 a second at 50 ms: 40 a second leave 25 ms."""
    found = implied([_other(40.0, "at_least")], [_trial("1", 50e3, 20.0)], "latency_us")
    assert found == pytest.approx({"latency_us": 25e3})


@pytest.mark.parametrize(
    ("least", "kept"),
    [
        ((False, False), [(1, 5), (3, 2)]),
        ((False, True), [(1, 5), (2, 6)]),
        ((True, False), [(4, 2)]),
    ],
)
def test_a_front_has_what_nothing_beats_in_both(
    least: tuple[bool, bool], kept: list[tuple[float, float]]
) -> None:
    """Ties and what is worse in one and equal in the other are no part of it."""
    found = [(2, 6), (1, 5), (3, 2), (3, 4), (4, 2), (1, 5)]
    assert undominated(found, lambda one: one, least=least) == kept


def test_what_must_be_large_leaves_room_above_its_limit() -> None:
    """Of two engines the faster one has more of it, and what falls short is out."""
    bound = Bound(metric="latency_us", limit=10.0, unit="1/s", direction="at_least")
    found = [attempt("e", [bound], [_measured("latency_us", one, "static")]) for one in (8, 15)]
    assert [one.slack for one in found] == pytest.approx([-0.2, 0.5])
    assert [one.reason is None for one in found] == [False, True]
