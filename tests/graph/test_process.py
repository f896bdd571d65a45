"""Programs are started in one place, always with a time limit, and die with us."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from tests.helpers.paths import ROOT

KILLED = f"Things to try: {process.KILLED_HINT}"
PARENT = """
import sys
from mlforge_tasks.graph import process
code = "import signal; print('up', flush=True); signal.pause()"
child = process.start([sys.executable, "-c", code])
print(child.pid, child.stdout.readline().decode().strip(), flush=True)
sys.stdin.read()
"""


def test_output_is_kept_and_streamed() -> None:
    """Every line reaches the callback and the log, stderr included."""
    lines: list[str] = []
    code = "import sys; print('a', flush=True); print('b', file=sys.stderr)"
    done = process.run([sys.executable, "-c", code], timeout_s=30, on_line=lines.append)
    assert (done.returncode, done.output, lines) == (0, "a\nb\n", ["a", "b"])


def test_a_program_that_hangs_is_ended_with_its_children() -> None:
    """The time limit ends the whole process group, and the output so far is kept."""
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', "
        "'import signal; signal.pause()']); print(p.pid, flush=True); p.wait()"
    )
    done = process.run([sys.executable, "-c", code], timeout_s=1.5)
    assert done.timed_out
    assert _ended(int(done.output))


def test_what_a_program_leaves_behind_is_ended_too() -> None:
    """A child that outlives its parent holds nobody up, and is gone when `run` returns."""
    quiet = ["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"]
    done = process.run(quiet, timeout_s=60)
    assert (done.returncode, done.timed_out) == (0, False)
    assert _ended(int(done.output))
    holding_the_pipe = ["sh", "-c", "sleep 600 & echo $!"]
    done = process.run(holding_the_pipe, timeout_s=1.5)
    assert done.timed_out
    assert _ended(int(done.output))


def test_only_places_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's settings of compilers and libraries do not reach what we start, nor do keys."""
    for name in ("KERAS_BACKEND", "CPATH", "TF_XLA_FLAGS", "ANTHROPIC_API_KEY", "MLFORGE_PROBE_ID"):
        monkeypatch.setenv(name, "1")
    code = "import os; print(sorted(set(os.environ) & set('KERAS_BACKEND CPATH TF_XLA_FLAGS "
    code += "MLFORGE_PROBE_ID HOME'.split())))"
    done = process.check([sys.executable, "-c", code], timeout_s=60, env={"CPATH": "ours"})
    assert done.strip() == "['CPATH', 'HOME', 'MLFORGE_PROBE_ID']"


def test_a_program_that_is_not_there() -> None:
    """A missing program is a broken tool, with a hint where one is known."""
    with pytest.raises(ToolError, match=r"ended with|cannot start"):
        process.check(["mlforge-no-such-program"], timeout_s=10)
    with pytest.raises(ToolError, match=r"(?s)not found on PATH.*apt-get install it"):
        process.which("mlforge-no-such-program", hint="apt-get install it")


def test_a_failing_command_is_shown_with_its_last_lines() -> None:
    """The error holds the command, its exit code and the end of its output."""
    with pytest.raises(ToolError, match=r"(?s)exit\(3\).*ended with 3\nwhy"):
        process.check([sys.executable, "-c", "print('why'); exit(3)"], timeout_s=30)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os.kill(os.getpid(), 9)", f"it was ended by SIGKILL from outside\n{KILLED}"),
        (
            "print('on'); import os; os.kill(os.getpid(), 15)",
            "it was ended by SIGTERM from outside",
        ),
        ("import os; os.kill(os.getpid(), 40)", "it was ended by signal 40 from outside"),
        ("import os; os.kill(os.getpid(), 11)", "it was ended by SIGSEGV"),
        ("exit(3)", "it ended with 3"),
    ],
)
def test_how_a_program_ended_is_told_in_words(code: str, said: str) -> None:
    """A signal by its name, and what helps where it came from outside; no line is empty."""
    told = process.run([sys.executable, "-c", code], timeout_s=30).ending("it")
    assert told.startswith(said)
    assert "" not in told.splitlines()
    assert (KILLED in told) == ("from outside" in said)


def test_a_time_limit_is_no_kill_from_outside() -> None:
    """It is ended with the same signal, by us."""
    done = process.run([sys.executable, "-c", "import signal; signal.pause()"], timeout_s=0.5)
    assert done.ending("it") == "it ran into its time limit"


def test_a_first_line_is_there_or_told() -> None:
    """A tool that says no version is broken, and is named."""
    code = "import sys; print(sys.argv[1])"
    assert process.first_line([sys.executable, "-c", code, "1.0\nb"], timeout_s=30) == "1.0"
    with pytest.raises(ToolError, match=r"-c ` said nothing"):
        process.first_line([sys.executable, "-c", ""], timeout_s=30)


@pytest.mark.skipif(sys.platform != "linux", reason="parent death signals are Linux's")
def test_children_die_with_a_killed_parent() -> None:
    """After SIGKILL of the parent no child is left."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent.stdin, parent.stdout:
        child = int(parent.stdout.readline().split()[0])
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert _ended(child), "the child outlived its parent"


def _ended(pid: int) -> bool:
    """Whether a process ends; a killed one takes a moment."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    # A pidfd becomes readable when its process ends.
    ended = bool(select.select([fd], [], [], 10)[0])
    os.close(fd)
    return ended
