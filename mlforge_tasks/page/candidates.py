"""Every candidate in a table: what it takes, what it reaches, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.verdict import words
from mlforge_tasks.verdict.constraints import TEST_SUFFIX
from mlforge_tasks.verdict.floors import floor
from mlforge_tasks.verdict.notes import short_name
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.trials import Report, TrialResult

# Each output may have a figure of its own; a table is read from left to right.
MOST_FIGURES = 4
# What became of a candidate: the class of its row, and of its mark in the plots.
PASSED, TRAINED, REFUSED = "passed", "trained", "refused"


@dataclass(frozen=True)
class Cell:
    """A figure of the table.

    Attributes:
        text: With its unit; empty where it was not measured.
        value: To sort by.
        broken: Whether it breaks its limit.
    """

    text: str
    value: float | None
    broken: bool


@dataclass(frozen=True)
class Row:
    """A candidate.

    Attributes:
        id: Its name.
        brief: Its architecture in one line.
        cells: Its figures.
        verdict: What became of it, in words.
        fate: `passed`, `trained` or `refused`.
        best: Whether it is the one that the verdict is about.
        why: The reason of its failure, in a sentence.
    """

    id: str
    brief: str
    cells: tuple[Cell, ...]
    verdict: str
    fate: str
    best: bool
    why: str


def fate(result: TrialResult) -> str:
    """What became of a candidate, in one of three words."""
    if result.trial.reason is not None:
        return REFUSED
    verdict = result.trial.verdict
    return PASSED if verdict is not None and verdict.met else TRAINED


def section(found: Found) -> Section | None:
    """A row for each candidate, oldest first; nothing where there is none."""
    report = found.report
    if not report.results:
        return None
    metrics = shown(report)
    limits = {one.metric: format_value(one.limit, one.unit) for one in report.bounds}
    rows = [_row(report, one, metrics) for one in report.results]
    counts = {word: sum(one.fate == word for one in rows) for word in (PASSED, TRAINED, REFUSED)}
    body = fill(
        "candidates.html",
        header=[heading(one) for one in metrics],
        limits=[limits.get(one, "") for one in metrics],
        rows=rows,
        counts=counts,
        asked=len(report.asked()),
    )
    return Section("candidates", "Candidates", body)


def shown(report: Report) -> tuple[str, ...]:
    """The figures of the table: limited ones, then what the goal asks on both splits."""
    goals = report.goals[:MOST_FIGURES]
    test = (report.goal + TEST_SUFFIX,) if any(one.on_test for one in report.bounds) else ()
    return (*report.shown, *goals, *test)


def heading(metric: str) -> str:
    """A figure's name as a heading."""
    name = short_name(metric)
    if name.endswith(TEST_SUFFIX):
        return f"{name.removesuffix(TEST_SUFFIX)}, test"
    return {"ram": "RAM"}.get(name, name)


def _row(report: Report, result: TrialResult, metrics: tuple[str, ...]) -> Row:
    reason = result.trial.reason
    return Row(
        id=result.trial.id,
        brief=result.brief,
        cells=tuple(_cell(report, result, metric) for metric in metrics),
        verdict=words.verdict_text(result),
        fate=fate(result),
        best=result.trial.id == report.best and floor(report) is None,
        why=reason.message if reason is not None else "",
    )


def _cell(report: Report, result: TrialResult, metric: str) -> Cell:
    found = result.measurement(metric)
    if found is None:
        return Cell("", None, broken=False)
    bounds = [one for one in report.bounds if one.metric == metric]
    broken = any(not one.passes(one.judged(found.value, found.interval)) for one in bounds)
    return Cell(format_value(found.value, found.unit), found.value, broken)
