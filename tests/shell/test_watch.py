"""A run as it goes: what runs, how far it is, how long it still takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.graph import live
from mlforge_tasks.shell.watch import Note, Watch

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_time_left_is_of_its_own_count() -> None:
    """From when it began to count, since libraries are loaded before; none where none is known."""
    clock = Clock()
    watch = Watch("pump", 8, clock)
    watch.starts("train:1.0")
    watch.begins("train:1.0")
    (step,) = watch.steps()
    assert step.made
    assert watch.left_s(step) is None
    clock.now_s += 5
    watch.says("train:1.0", "progress: [1/11 epochs] loss 1")
    assert watch.left_s(watch.steps()[0]) is None, "one epoch has no length yet"
    clock.now_s += 10
    watch.says("train:1.0", "progress: [6/11 epochs] loss 0.5")
    watch.says("train:1.0", "a warning of some library")
    assert watch.left_s(watch.steps()[0]) == 10.0
    clock.now_s += 1
    assert watch.left_s(watch.steps()[0]) == 9.0
    watch.usual = {"train": 20.0, "judge": 1.0}
    assert watch.left_s(watch.steps()[0]) == 4.0, "most end earlier than their count"
    watch.enters(1, ("train:1.0", "judge:1"))
    now = watch.now()
    assert (now.iteration, now.left_s) == (1, 5.0)
    watch.ends("train:1.0", "built")
    assert watch.now().ended == {"built": 1}
    assert watch.now().stages == ()


def test_what_a_failed_candidate_would_have_taken_is_no_time_left() -> None:
    """Its further stages are passed over."""
    watch = Watch("pump", 8)
    watch.usual = {"train": 60.0, "judge": 1.0}
    watch.enters(1, ("admit:1.0", "train:1.0", "admit:1.1", "train:1.1", "judge:1"))
    assert watch.now().left_s == 121.0
    watch.ends("admit:1.0", "failed")
    assert watch.now().left_s == 61.0


def test_a_stage_that_another_task_has_made_is_no_longer_shown() -> None:
    """`deliver:0` has several made, which doit does not know: each is over when it has acted."""
    watch = Watch("pump", 8)
    watch.starts("deliver:0")
    watch.begins("library:0")
    assert [one.name for one in watch.steps()] == ["deliver:0", "library:0"]
    watch.acted("library:0")
    watch.begins("deliver:0")
    watch.acted("deliver:0")
    assert [one.name for one in watch.steps()] == ["deliver:0"], "until doit tells what came of it"


def test_the_note_is_written_once_a_second(tmp_path: Path) -> None:
    """However often a stage tells something; where one starts or ends it is written at once."""
    clock = Clock()
    watch = Watch("pump", 8, clock)
    note = Note(watch, tmp_path, clock)
    path = tmp_path / live.FILE
    watch.begins("train:1.0")
    note.write()
    watch.says("train:1.0", "progress: [1/2 epochs]")
    note.write(soon=True)
    assert b'"done":1' not in path.read_bytes()
    clock.now_s += 1
    note.write(soon=True)
    assert b'"done":1' in path.read_bytes()
    watch.ends("train:1.0", "built")
    note.write()
    assert b'"stages":[]' in path.read_bytes()
    note.remove()
    assert not path.exists()
