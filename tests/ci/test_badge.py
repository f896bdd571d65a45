"""The badge: what it says, that it can be read, and what shields.io is given."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from mlforge_tasks.ci.badge import COLOURS, LABEL_COLOUR, badge, endpoint, message
from tests.helpers.outcomes import every

if TYPE_CHECKING:
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"
SAID = {
    "met": "met · 900 B RAM · 300 µs",
    "unmet": "not met: flash, mse_test",
    "unknown": "unknown: ram, flash, latency +1",
    "unmeasured": "not met",
    "data": "data is not what the contract says",
    "broken": "tool broke",
    "unstarted": "not started",
    "wrong": "contract wrong, 2 mistakes",
}


def test_it_says_how_a_run_ended(tmp_path: Path) -> None:
    """In a picture that a screen reader reads as one sentence, and in shields.io's JSON."""
    for end, outcome in every(tmp_path).items():
        assert message(outcome) == SAID[end]
        hostile = replace(outcome, name='<a"&')
        root = ET.fromstring(badge(hostile))  # noqa: S314 - it is our own
        told = f'mlforge <a"&: {SAID[end]}'
        assert (root.get("role"), root.get("aria-label")) == ("img", told)
        assert root.findtext(f"{SVG}title") == told
        assert [one.text for one in root.iter(f"{SVG}text")] == told.split(": ", 1)
        given = json.loads(endpoint(outcome))
        assert given.keys() <= {
            *("schemaVersion", "label", "message", "color", "labelColor", "isError"),
        }
        assert (given["schemaVersion"], given["message"]) == (1, SAID[end])
        assert given["isError"] == (end in {"data", "broken", "unstarted", "wrong"})


@pytest.mark.parametrize("colour", [LABEL_COLOUR, *COLOURS.values()])
def test_white_on_it_can_be_read(colour: str) -> None:
    """A contrast of at least 4.5, by WCAG 2.1's formula."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    luminance = sum(
        share * one for share, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )
    assert 1.05 / (luminance + 0.05) >= 4.5
