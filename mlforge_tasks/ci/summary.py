"""A page of Markdown, as GitHub shows it of a job: the verdict, each clause, candidates, advice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlforge_tasks.ci.outcome import WORDS
from mlforge_tasks.verdict.words import interval_text
from mlforge_tasks.yaml_file.places import nearest
from mlforge_tasks.yaml_file.units import format_against, format_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.ci.outcome import Case, Outcome

# A page is for a glance; the report has all of them.
MOST_CLAUSES, MOST_CANDIDATES, MOST_FAULTS = 40, 10, 50
SIGNS = {"pass": "✅ pass", "fail": "❌ broken", "unknown": "❔ unknown"}
_ENDINGS = {"met": "✅", "unmet": "❌", "unknown": "❔", "data": "⚠️", "broken": "⚠️", "refused": "⚠️"}
# What Markdown or HTML would take for its own; names of data, boards and layers are anybody's.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$@!])")


def summary(outcome: Outcome) -> str:
    """The Markdown of an outcome."""
    title = f"## {_ENDINGS[outcome.ending]} {_plain(outcome.name)}: {WORDS[outcome.ending]}"
    told = [_fenced(one) for one in outcome.broken] or [_plain(outcome.headline)]
    parts = [title, *told]
    if outcome.faults:
        parts.append(_faults(outcome))
    if outcome.cases:
        parts.append(_clauses(outcome))
    said = [one for _, one in outcome.given] + ([outcome.least] if outcome.least else [])
    if said and outcome.ending == "unmet":
        given = [f"- {_plain(one)}" for one in said]
        parts.append("\n".join(("### What would have to give", "", *given)))
    if outcome.rows:
        parts.append(_candidates(outcome))
    parts += [f"> {_plain(one)}" for one in outcome.notes]
    if outcome.reports:
        parts.append(f"In the build tree: {', '.join(f'`{one}`' for one in outcome.reports)}")
    return "\n\n".join(parts) + "\n"


def _fenced(text: str) -> str:
    """Text as it is, within a fence longer than any in it."""
    longest = max((len(one) for one in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(header)
    lines = [head, ["---"] * len(head), *(list(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _faults(outcome: Outcome) -> str:
    rows = [
        (f"{one.file}:{one.line}", one.field or "(document)", one.message)
        for one in outcome.faults[:MOST_FAULTS]
    ]
    left = len(outcome.faults) - len(rows)
    more = f"\n\nand {left} more" if left else ""
    return _table(("where", "key", "mistake"), rows) + more


def _clauses(outcome: Outcome) -> str:
    ordered = sorted(outcome.cases, key=lambda one: one.status == "pass")  # bad news first
    rows = [_row(outcome, one) for one in ordered[:MOST_CLAUSES]]
    left = len(ordered) - len(rows)
    more = f"\n\nand {left} more" if left else ""
    return _table(("clause", "measured", "limit", "verdict", "line"), rows) + more


def _row(outcome: Outcome, case: Case) -> tuple[str, ...]:
    clause = case.clause
    _, place = nearest(outcome.places, case.key)
    line = "" if place is None else f"{outcome.contract}:{place.line}"
    if clause.value is None:
        return case.name, case.why, format_value(clause.limit, clause.unit), "❔ unknown", line
    value, limit = format_against(clause.value, clause.limit, clause.unit)
    told = f"{value}{interval_text(clause)}, {clause.source}"
    return case.name, told, limit, SIGNS[case.status], line


def _candidates(outcome: Outcome) -> str:
    """The last of them, and the best."""
    kept = outcome.rows[-MOST_CANDIDATES:]
    best = [one for one in outcome.rows if one[0] == outcome.best and one not in kept]
    rows = [
        (f"{row[0]} (best)" if row[0] == outcome.best else row[0], *row[1:])
        for row in (*best, *kept)
    ]
    count = len(outcome.rows)
    title = f"{count} candidate{'' if count == 1 else 's'}"
    shown = "" if len(rows) == count else f", {len(rows)} shown"
    table = _table(map(_cell, outcome.header), rows)
    opened = "" if count > MOST_CANDIDATES else " open"
    return f"<details{opened}><summary>{title}{shown}</summary>\n\n{table}\n\n</details>"


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _cell(text: str) -> str:
    return _plain(" ".join(text.split())) or " "
