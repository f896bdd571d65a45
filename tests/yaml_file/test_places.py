"""Where values stand in a text, to the character."""

from __future__ import annotations

import pytest

from mlforge_tasks.yaml_file.places import Place, nearest, places
from tests.helpers.paths import ROOT

TEXT = """\
text: "é\u2028ends no line for an editor"
limits: {ram: 1 KiB, flash: "11 KiB"}
goal:
  also:
    - {metric: mae, target: 2}
    -
      metric: ü
  empty:
"""


def cut(text: str, place: Place) -> str:
    lines = text.split("\n")
    assert place.line == place.end_line
    return lines[place.line - 1][place.column - 1 : place.end_column - 1]


@pytest.mark.parametrize(
    ("key", "line", "held", "scalar"),
    [
        ("limits", 2, "limits", False),
        ("limits.ram", 2, "1 KiB", True),
        ("limits.flash", 2, '"11 KiB"', True),
        ("goal.also", 4, "also", False),
        ("goal.also.0", 5, "{", False),
        ("goal.also.0.target", 5, "2", True),
        ("goal.also.1.metric", 7, "ü", True),
        ("goal.empty", 8, "empty", False),
    ],
)
def test_a_value_is_where_an_editor_shows_it(key: str, line: int, held: str, scalar: bool) -> None:  # noqa: FBT001
    """With its quotes; of what has values within, the key."""
    place = places(TEXT)[key]
    assert (place.line, cut(TEXT, place), place.scalar) == (line, held, scalar)


def test_what_is_missing_is_at_what_is_above() -> None:
    """A default stands nowhere in the file."""
    found = places(TEXT)
    assert nearest(found, "goal.baseline") == ("goal", found["goal"])
    assert nearest(found, "nothing.of.it") == ("", None)


@pytest.mark.parametrize("text", ["a: [", "\ta: 1", "a: *b", "", "- 1\n- 2", "a: \x07"])
def test_what_is_no_contract_has_few_places(text: str) -> None:
    """A text that cannot be read has none, and that is no error: it was told as one."""
    assert set(places(text)) <= {"0", "1"}


def test_every_contract_of_ours_can_be_pointed_into() -> None:
    """Each limit and each goal, as it is written."""
    for path in sorted((ROOT / "contracts").glob("*.yaml")):
        text = path.read_text()
        found = places(text)
        section = "limits" if "limits" in found else "targets.0.limits"
        limits = (f"{section}.{name}" for name in ("ram", "flash", "latency"))
        for key in (*limits, "goal.metric"):
            assert found[key].scalar, path
            assert f"{key.rpartition('.')[2]}: {cut(text, found[key])}" in text
