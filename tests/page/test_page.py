"""The page as a whole: whatever was found, it is one safe file that can be read by everybody."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.page.found import Found
from mlforge_tasks.page.page import make
from mlforge_tasks.page.template import visible
from tests.helpers import page_reports
from tests.helpers.page_reports import HOSTILE, Parsed, real

if TYPE_CHECKING:
    from mlforge_tasks.verdict.trials import Report

CASES = {
    "met": real(),
    "not met": page_reports.unmet(real()),
    "nothing built": page_reports.nothing(real()),
    "brought": page_reports.brought(real()),
    "8 candidates": page_reports.many(real(), 8),
    "200 candidates": page_reports.many(real(), 200),
    "no candidate": page_reports.nothing(real()).model_copy(update={"results": ()}),
}


@pytest.fixture(scope="module", params=list(CASES))
def page(request: pytest.FixtureRequest) -> tuple[Report, str]:
    """A report and its page."""
    report = CASES[request.param]
    return report, make(Found(report))


def test_it_needs_no_other_file_and_no_network(page: tuple[Report, str]) -> None:
    """Nothing is loaded, and the policy forbids it; links lead within the page."""
    parsed = Parsed(page[1])
    policy = next(one["content"] for one in parsed.all("meta") if "http-equiv" in one)
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert not any("src" in known for _, known in parsed.tags)
    links = [known["href"] for tag, known in parsed.tags if tag in ("a", "link")]
    assert all(one and one.startswith(("#", "data:,")) for one in links)
    assert {one[1:] for one in links if one and one.startswith("#")} <= set(parsed.ids)


def test_it_can_be_read_with_a_keyboard_and_a_screen_reader(page: tuple[Report, str]) -> None:
    """Headings go down a step at a time, tables have captions, what scrolls can be reached."""
    parsed = Parsed(page[1])
    levels = [int(tag[1]) for tag, _ in parsed.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(parsed.all("table")) == len(parsed.all("caption"))
    assert all("scope" in one for one in parsed.all("th"))
    assert all(known.get("tabindex") == "0" for known in parsed.all("pre"))
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert parsed.all("html") == [{"lang": "en"}]


def test_equal_reports_give_equal_bytes() -> None:
    """No time, no counter, no order of a set."""
    assert make(Found(real())) == make(Found(real()))


@functools.cache
def plain() -> Parsed:
    """A page whose names hold nothing."""
    return Parsed(make(Found(page_reports.renamed(real(), "plain"))))


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_nothing_else(name: str) -> None:
    """Whatever a name holds, the page has the same elements and attributes as without it."""
    hostile = Parsed(make(Found(page_reports.renamed(real(), name))))
    tags = [[(tag, set(known)) for tag, known in one.tags] for one in (plain(), hostile)]
    assert tags[0] == tags[1]
    assert visible(name[:40]) in hostile.text
    assert "\u202e" not in hostile.text
