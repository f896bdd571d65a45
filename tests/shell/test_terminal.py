"""A run on a terminal: an area that is there while it goes, and what stays."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.loader import load
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.shell.candidates_now import Standings
from mlforge_tasks.shell.output import Output
from mlforge_tasks.shell.terminal import LiveDisplay
from mlforge_tasks.shell.watch import Watch
from tests.helpers.builds import DOIT
from tests.helpers.paths import ROOT, TANK
from tests.helpers.terminal import on_terminal
from tests.shell.test_watch import Clock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.builds import Cold

SHOWN, HIDDEN = "\x1b[?25h", "\x1b[?25l"
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _argv(build: Path, *words: str) -> list[str]:
    return [str(DOIT), "run", *words, f"contract={TANK}", f"build={build}"]


def _environment(**more: str) -> dict[str, str]:
    left = {"NO_COLOR", "COLUMNS", "LINES", "CI"}
    return {name: value for name, value in os.environ.items() if name not in left} | more


def _drawn(cold: Cold, width: int) -> list[str]:
    """The area in the middle of the second round of a search that is there."""
    plan = make_plan(load(TANK, ROOT), "tank", root=ROOT, build=cold.build)
    clock = Clock()
    watch = Watch("tank", 3, clock)
    watch.usual = {"judge": 1.0, "train": 60.0}
    standings = Standings(plan)
    for stage in ("propose:1", "probe_run:1.0", "judge:1", "propose:2", "probe_run:2.0"):
        watch.starts(stage)
        watch.ends(stage, "built")
        standings.ended(stage)
    watch.ends("dataset", "restored")
    watch.enters(2, ("train:2.0", "judge:2"))
    for name in ("train:2.0", "header:2.0"):
        watch.starts(name)
        watch.begins(name)
    watch.says("train:2.0", "progress: [10/40 epochs] loss 0.5, mse 0.05")
    clock.now_s += 10
    watch.says("train:2.0", "progress: [20/40 epochs] loss 0.31, mse 0.04")
    clock.now_s += 1
    display = LiveDisplay(watch, standings, Output(io.TextIOWrapper(io.BytesIO(), "utf-8")), clock)
    try:
        display.console.width = width
        with display.console.capture() as found:
            drawn = display.drawn()
            display.close()
            display.console.print(drawn)
    finally:
        display.close()
    return [_CODES.sub("", line).rstrip() for line in found.get().splitlines() if line.strip()]


def test_the_area_shows_what_runs_and_where_candidates_stand(cold: Cold) -> None:
    """The round, each stage with its count and time left, figures against limits and forecasts."""
    lines = _drawn(cold, 120)
    at = lines.index(next(line for line in lines if line.startswith("tank")))
    head, train, header, candidate = lines[at : at + 4]
    assert head == (
        "tank · round 2 of at most 3 · 5 built · 1 restored · 0:11 · about 20 s left of this round"
    )
    assert train[1:] == (
        " train:2.0  ━━━━━━━━──────── 20/40 epochs 0:11, about 0:19 left  loss 0.31, mse 0.04"
    )
    assert header[1:].split() == ["header:2.0", "─" * 16, "0:11"]
    assert candidate.startswith("candidate 2.0  untrained  ")
    bars = "\n".join(lines[at + 4 :])
    assert re.search(r"^  flash +[━─│]+ [\d.]+ KiB +of 16 KiB", bars, re.MULTILINE)
    assert re.search(
        r"^candidate 1.0, best so far  over latency, not trained  ", bars, re.MULTILINE
    )


@pytest.mark.parametrize("width", [40, 60, 80])
def test_it_is_never_wider_than_the_terminal(cold: Cold, width: int) -> None:
    """A line that is would be two, and what is above it would be erased."""
    assert max(map(len, _drawn(cold, width))) <= width


@pytest.mark.slow
def test_a_terminal_has_in_the_end_what_a_log_has(tmp_path: Path) -> None:
    """The area is erased, the cursor is back, and every line that stays is whole."""
    shown = on_terminal(_argv(tmp_path, "dataset"), cwd=ROOT, env=_environment())
    assert shown.code == 0
    assert shown.text.rindex(HIDDEN) < shown.text.rindex(SHOWN)
    last = shown.text[shown.text.rindex(SHOWN) :]
    assert _CODES.sub("", last).replace("\r", "").lstrip("\n") == "1 task executed\n"
    assert re.search(r"\n?  dataset +built +\d+\.\d s\r\n", _CODES.sub("", shown.text))
    assert "tank · 0:0" in _CODES.sub("", shown.text)
    again = on_terminal(_argv(tmp_path, "dataset"), cwd=ROOT, env=_environment())
    assert (again.code, again.text) == (0, "nothing was to do\r\n")


@pytest.mark.slow
@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_it_plain_has_it_plain(plain: dict[str, str], tmp_path: Path) -> None:
    """Nothing moves the cursor, and nothing has a colour."""
    argv = ["env", *(f"{name}={value}" for name, value in plain.items()), *_argv(tmp_path, "floor")]
    shown = on_terminal(argv, cwd=ROOT, env=_environment())
    lines = re.sub(r"\d+\.\d s", "0.1 s", shown.text).split("\r\n")
    assert (shown.code, lines) == (
        0,
        [
            "  floor                    starts",
            "  floor                    built         0.1 s",
            "1 task executed",
            "",
        ],
    )


@pytest.mark.slow
def test_ctrl_c_leaves_a_terminal_as_it_was(tmp_path: Path) -> None:
    """The area goes, the cursor is back, what was to be said comes after that, and nothing else."""
    shown = on_terminal(
        _argv(tmp_path, "dataset"), cwd=ROOT, env=_environment(), typed_after=HIDDEN.encode()
    )
    assert shown.code == 130
    assert shown.text.rindex(HIDDEN) < shown.text.rindex(SHOWN)
    last = shown.text[shown.text.rindex(SHOWN) :]
    assert _CODES.sub("", last).replace("\r", "").lstrip("\n") == (
        "1 task executed\n"
        "interrupted: what was finished is kept; run the same command again to go on\n"
    )
    assert not (tmp_path / "tank" / ".running.json").exists()
