"""What steps say of their progress, as lines."""

from __future__ import annotations

import pytest

from mlforge_tasks.graph import progress
from mlforge_tasks.graph.progress import Progress


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (
            "progress: [57/140 steps] Building",
            Progress(done=57, total=140, unit="steps", text="Building"),
        ),
        ("progress: [3 answers]", Progress(done=3, unit="answers")),
        ("progress: [0] flashing", Progress(done=0, text="flashing")),
        (
            "progress: [1/2 tokens] a\x1b[2Jb",
            Progress(done=1, total=2, unit="tokens", text="a?[2Jb"),
        ),
        ("a plain line", None),
        ("[57/140] Building C object of a process's own", None),
        ("progress: [] of nothing", None),
        ("progress: [1/2 Steps] of ninja's own", None),
    ],
)
def test_a_line_tells_how_far_a_step_is(line: str, wanted: Progress | None) -> None:
    """What has the form is progress, and moves no cursor; what else is printed is none."""
    assert progress.read(line) == wanted


def test_what_is_told_is_read_again() -> None:
    """The line is the record, from one process to another."""
    heard: list[str] = []
    with progress.heard(heard.append):
        progress.tell(12, 40, "epochs", "loss 0.31")
        progress.say("flashing")
    progress.tell(13, 40, "epochs")  # nobody hears it
    assert heard == ["progress: [12/40 epochs] loss 0.31", "progress: [0] flashing"]
    read = [progress.read(line) for line in heard]
    assert read == [
        Progress(done=12, total=40, unit="epochs", text="loss 0.31"),
        Progress(done=0, text="flashing"),
    ]
    assert read[0] is not None
    assert read[0].share == 0.3
