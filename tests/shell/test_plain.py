"""What a log is told while a run goes."""

from __future__ import annotations

from mlforge_tasks.shell.plain import Plain
from mlforge_tasks.shell.watch import Watch
from mlforge_tasks.shell.words import rough_time
from tests.shell.test_watch import Clock


def test_a_log_is_told_of_starts_and_of_every_minute() -> None:
    """A line when an action starts and one a minute, whatever it says."""
    clock = Clock()
    text: list[str] = []
    watch = Watch("pump", 8, clock)
    plain = Plain(watch, text.append, clock)
    for name in ("floor", "train:1.0"):
        watch.starts(name)
        watch.begins(name)
        plain.begins(name)
    watch.starts("dataset")
    for second in range(1, 126):
        clock.now_s += 1
        if second == 30:
            watch.says("floor", "progress: [0/1290 steps] starting")
        if second == 59:
            watch.says("floor", "progress: [290/1290 steps] Building C object conv.c.obj")
        if second == 90:
            watch.ends("dataset", "built")
            plain.line("  dataset                  built        90.0 s")
        plain.tick()
    assert "".join(text) == (
        "  floor                    starts\n"
        "  train:1.0                starts\n"
        "  floor                    1 min: 290/1,290 steps, about 2 min left: "
        "Building C object conv.c.obj\n"
        "  train:1.0                1 min\n"
        "  dataset                  1 min: looks at what it is made of\n"
        "  dataset                  built        90.0 s\n"
        "  floor                    2 min: 290/1,290 steps, about 39 s left: "
        "Building C object conv.c.obj\n"
        "  train:1.0                2 min\n"
    )


def test_times_are_as_exact_as_a_guess() -> None:
    """Seconds below a minute, minutes below an hour."""
    told = [rough_time(seconds) for seconds in (0.4, 59.4, 59.6, 3570, 5400)]
    assert told == ["0 s", "59 s", "1 min", "1 h 0 min", "1 h 30 min"]
