"""Bars on a terminal, at any width."""

from __future__ import annotations

import pytest
from rich.console import Console, Group

from mlforge_tasks.shell import bars
from mlforge_tasks.shell.candidates_now import Bar, Standing

FOUND = Standing(
    "2.0",
    "conv1d 8k7s4 · conv1d 12k7s2 · flatten",
    "misses mse",
    (
        Bar("flash_bytes", "B", 10137.6, at_most=True, value=9298, status="pass", foretold=9186.7),
        Bar("latency_us", "us", 1000, at_most=True),
        Bar("mse", "", 540, at_most=True, value=600, status="fail", baseline=411.5),
        Bar("accuracy", "", 0.8, at_most=False, value=0.92, status="pass", baseline=0.5),
    ),
)


def _shown(width: int, *, unicode: bool = True) -> list[str]:
    console = Console(width=width, color_system=None, force_terminal=True)
    with console.capture() as found:
        console.print(Group(*bars.standings([FOUND], width, unicode=unicode)))
    return found.get().splitlines()[1:]


def test_figures_stand_against_their_limits() -> None:
    """The limit has a mark, what needs no model another; what is past it goes past its mark."""
    assert _shown(80) == [
        "candidate 2.0  misses mse  conv1d 8k7s4 · conv1d 12k7s2 · flatten",
        "  flash    ━━━━━━━━━━━━━━━━━─│──── 9.1 KiB of 9.9 KiB      foretold 9 KiB (-1%)",
        "  latency  ──────────────────│──── -       of 1 ms",
        "  mse      ━━━━━━━━━━━━━━◆━━━│━━── 600     of 540          ◆ no model 411.5",
        "  accuracy ━━━━━━━━━━━━◆━━━━━│━━━─ 0.92    of at least 0.8 ◆ no model 0.5",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(width: int, unicode: bool) -> None:  # noqa: FBT001
    """What there is no room for is left out, from the right, and the values stay to the last."""
    lines = _shown(width, unicode=unicode)
    assert len(lines) == 1 + len(FOUND.bars)
    assert all(len(line) <= width for line in lines)
    assert "9.1 KiB" in lines[1]
    assert ("no model" in lines[3]) == (width >= 80)
    assert unicode or all(line.isascii() for line in lines[1:])


def test_nothing_is_nothing() -> None:
    """Before the first candidate there is none to show."""
    assert bars.standings([], 80, unicode=True) == []
