"""JUnit XML of each way that a run can end, held against Jenkins' schema and a reader."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import junitparser
import pytest
import xmlschema

from mlforge_tasks.ci.junit import junit
from tests.helpers.outcomes import every, judged, properties
from tests.helpers.paths import DATA

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.ci.outcome import Outcome

# Of the six clauses of the tank contract: passed, failures, errors, skipped.
COUNTS = {
    "met": (6, 0, 0, 0),
    "unmet": (4, 2, 0, 0),
    "unknown": (2, 0, 0, 4),
    "unmeasured": (0, 1, 0, 6),
    "data": (0, 0, 1, 6),
    "broken": (0, 0, 1, 6),
    "unstarted": (0, 0, 1, 6),
    "wrong": (0, 0, 2, 0),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return every(tmp_path_factory.mktemp("ends"))


def test_every_end_is_what_jenkins_reads(outcomes: dict[str, Outcome]) -> None:
    """The schema of its xUnit plug-in holds, and names of data that are hostile are only text."""
    schema = xmlschema.XMLSchema(DATA / "schemas" / "junit-10.xsd")
    assert outcomes.keys() == COUNTS.keys()
    for outcome in outcomes.values():
        hostile = "mse(<&\"'\x00\x1b\ud800{})"
        cases = tuple(replace(one, name=hostile.format(one.name)) for one in outcome.cases)
        schema.validate(junit(replace(outcome, cases=cases, name='a"<&>')))


@pytest.mark.parametrize("end", COUNTS)
def test_a_reader_counts_the_clauses(end: str, outcomes: dict[str, Outcome]) -> None:
    """A case for each clause; what is unknown is skipped with why, a broken tool is an error."""
    suites = junitparser.JUnitXml.fromstring(junit(outcomes[end]).encode())
    (suite,) = suites
    passed, failures, errors, skipped = COUNTS[end]
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (
        passed + failures + errors + skipped,
        failures,
        errors,
        skipped,
    )
    cases = list(suite)
    assert sum(case.is_passed for case in cases) == passed
    assert len({case.name for case in cases}) == len(cases)
    assert all(case.result[0].message for case in cases if not case.is_passed)


def test_a_failure_says_how_far_it_is_from_its_limit(outcomes: dict[str, Outcome]) -> None:
    """In words, and unrounded."""
    (suite,) = junitparser.JUnitXml.fromstring(junit(outcomes["unmet"]).encode())
    flash = next(case for case in suite if case.name == "flash_bytes")
    (failure,) = flash.result
    assert failure.message == "flash_bytes 19.5 KiB, limit 16 KiB (emulated)"
    assert failure.text.splitlines()[1:] == [
        "value: 20000 B",
        "limit: at most 16384 B",
        "over: 3616 B",
        "source: emulated",
    ]
    assert "left: 7292 B" in junit(outcomes["met"])  # of 8 KiB of RAM, 900 B
    known = properties(junit(outcomes["unmet"]))
    assert (known["board"], known["engine"]) == ("mps2/an385", "aot")
    assert len(known["contract.sha256"]) == 64


def test_the_same_verdict_has_the_same_bytes(tmp_path: Path) -> None:
    """Wherever it was reached: no time, no host, no path."""
    values = {"flash_bytes": 20000.0}
    first, second = (judged(tmp_path / name, values)[0] for name in ("a", "b"))
    assert junit(first) == junit(second)
    assert str(tmp_path) not in junit(first)
