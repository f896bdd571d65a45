"""The page of Markdown that a job shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.ci.summary import MOST_CANDIDATES, summary
from tests.helpers.outcomes import KEPT, every, judged

if TYPE_CHECKING:
    from pathlib import Path


def test_every_end_has_its_page(tmp_path: Path) -> None:
    """Verdict first; clauses with their lines, broken ones first; what would have to give."""
    pages = {end: summary(outcome) for end, outcome in every(tmp_path).items()}
    assert pages["met"].startswith("## ✅ tank: met\n\nPASS: candidate 1.0 meets tank\n")
    unmet = pages["unmet"].splitlines()
    first = unmet.index("| --- | --- | --- | --- | --- |") + 1
    assert unmet[first] == (
        "| flash\\_bytes | 19.5 KiB, emulated | 16 KiB | ❌ broken | tests/data/tank.yaml:17 |"
    )
    assert "### What would have to give" in unmet
    assert "it ran as a process of this computer" in pages["unknown"]
    assert "not measured: no way" in pages["unmeasured"]
    assert "```text\nqemu: a" in pages["broken"]
    assert "wrong.yaml:17 | limits.flash | found 16, wanted a size" in pages["wrong"]


def test_names_of_data_are_text(tmp_path: Path) -> None:
    """Nothing of them ends a cell, makes a link, a mention or an element, or closes a fence."""
    outcome, _ = judged(tmp_path, KEPT)
    names = '<img src=x>|[a](http://b)`*_@all\n# "head'
    cases = tuple(replace(one, name=names, why=names) for one in outcome.cases)
    page = summary(replace(outcome, cases=cases, name=names, broken=("```\n<b>",)))
    rows = [line for line in page.splitlines() if line.startswith("| \\<img")]
    assert len(rows) == 6
    assert all(line.replace("\\|", "").count("|") == 6 for line in rows)
    assert "<img" not in page.replace("\\<img", "")
    assert "````text\n```\n<b>\n````" in page


def test_of_many_candidates_the_last_and_the_best_are_shown(tmp_path: Path) -> None:
    """A page is for a glance."""
    outcome, _ = judged(tmp_path, KEPT)
    (row,) = outcome.rows
    rows = tuple((f"{k}.0", *row[1:]) for k in range(1, 201))
    page = summary(replace(outcome, rows=rows, best="3.0"))
    assert "200 candidates, 11 shown" in page
    assert page.count("dense 8") == MOST_CANDIDATES + 1
    assert "| 3.0 (best) |" in page
    assert len(page) < 10_000
