"""A shortage is no result: shown, in no cache, and a repeat is right."""

from __future__ import annotations

import errno
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process, room, shortage
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.second_try import settled
from mlforge_tasks.graph.stage import Outcome, Stage, Workspace
from mlforge_tasks.graph.store import Store
from mlforge_tasks.platforms._fit import ended_by_itself
from mlforge_tasks.records import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

FALL = "tests.helpers.demo_stages.fall"
KIB = 1 << 10


def stage(folder: Path, ways: Sequence[str], *, isolated: bool = False, says: str = "so") -> Stage:
    """A stage whose tries end in these ways; `folder/tries` counts them."""
    config = {"ways": list(ways), "tries": str(folder / "tries"), "says": says}
    kind = StageKind(FALL, ("done.txt",), isolated=isolated)
    return Stage("fall", kind, folder / "out", Workspace(Store(folder / "store")), config=config)


def tries(folder: Path) -> int:
    return len((folder / "tries").read_text())


def outcome(folder: Path, *ways: str, says: str = "so") -> Outcome:
    return stage(folder, ways, says=says).run()


def test_a_failure_that_comes_twice_is_a_result(tmp_path: Path) -> None:
    """With room, what crashes twice is the candidate's; and then it is cached."""
    for _ in range(2):
        found = outcome(tmp_path, "convert_failed", "convert_failed")
        assert found.manifest.reason is not None
        assert found.manifest.reason.code == "convert_failed"
    assert found.how == "kept"
    assert tries(tmp_path) == 2


def test_a_failure_that_comes_once_is_none(tmp_path: Path) -> None:
    """What works at the second try works, from an empty folder."""
    found = outcome(tmp_path, "convert_failed", "well")
    assert (found.manifest.status, list(found.manifest.outputs)) == ("ok", ["done.txt"])


def test_two_ways_to_fail_are_no_result(tmp_path: Path) -> None:
    """Neither is known to be true, so nothing is kept and the next run asks again."""
    ways = ("fault", "truncated_console", "well")
    with pytest.raises(ToolError, match=r"two ways: fault \(so\), then truncated_console"):
        outcome(tmp_path, *ways)
    assert outcome(tmp_path, *ways).how == "built"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_numpy_tells_of_a_full_disk_in_words_of_its_own() -> None:
    """It does not say why it wrote less than it was to."""
    with pytest.raises(OSError, match="written") as caught:
        np.zeros(KIB).tofile("/dev/full")
    assert "free some" in (shortage.broken(caught.value, "a data set").hint or "")


def test_what_cannot_be_a_shortage_is_tried_once(tmp_path: Path) -> None:
    """A figure that breaks a limit is a figure."""
    assert outcome(tmp_path, "does_not_fit", "well").how == "failed"
    assert tries(tmp_path) == 1


def test_what_was_reckoned_is_tried_once(tmp_path: Path) -> None:
    """A training that was not begun, since it needs too much, says nothing of this machine."""
    reason = Reason(code="train_memory", stage="train", message="x", value=2e18, limit=1e18)
    asked: list[int] = []

    def attempt() -> Reason:
        asked.append(1)
        return reason

    assert settled(attempt, [tmp_path]) == reason
    assert len(asked) == 1


@pytest.mark.parametrize("isolated", [False, True], ids=["in process", "isolated"])
def test_a_failure_that_speaks_of_a_shortage_is_none(tmp_path: Path, *, isolated: bool) -> None:
    """The converter's own words are enough; there is no second try in the same run."""
    says = "could not write SavedModel: No space left on device"
    falling = stage(tmp_path, ("convert_failed", "well"), isolated=isolated, says=says)
    with pytest.raises(ToolError, match=r"(?s)nothing of the candidate.*run the same command"):
        falling.run()
    assert tries(tmp_path) == 1
    assert falling.run().how == "built"


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("full", "stage 'fall': No space left on device, needed for 'fall'\n"),
        ("memory", "out of memory, needed for 'fall'"),
        ("in TensorFlow", "No space left on device, needed for 'fall'"),
        ("killed", "stage 'fall' was ended by SIGKILL from outside\nThings to try: if that was"),
    ],
)
def test_a_process_that_runs_short_is_a_broken_tool(tmp_path: Path, way: str, words: str) -> None:
    """One message, no traceback, nothing cached; the repeat is right."""
    falling = stage(tmp_path, (way, "well"), isolated=True)
    with pytest.raises(ToolError) as caught:
        falling.run()
    assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert falling.run().how == "built"


def limited(limit: str, code: str) -> str:
    """What Python prints under a limit of the shell."""
    argv = shlex.join([sys.executable, "-c", code])
    return process.check(["bash", "-c", f"ulimit {limit} && exec {argv}"], timeout_s=60)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("-v 4000000", "4096000000 bytes of memory addresses (ulimit -v)"),
        ("-d 3000000", "3072000000 bytes of memory (ulimit -d)"),
        ("-f 2048", "2097152 bytes of the size of a file (ulimit -f)"),
        ("-n 64", "64 of open files (ulimit -n)"),
        ("-s 512", "524288 bytes of a stack (ulimit -s)"),
    ],
)
def test_limits_of_the_shell_are_seen(limit: str, words: str) -> None:
    """A crash under one of them says nothing."""
    code = "from mlforge_tasks.graph import room; print(room.shortage(()))"
    assert words in limited(limit, code)


def kernel(folder: Path, *, free_kib: int = 8 << 20, strict: bool = False) -> tuple[Path, Path]:
    """The kernel's files as a machine with so much memory has them; no control groups."""
    proc, groups = folder / "proc", folder / "groups"
    for path, text in {
        "meminfo": f"MemTotal: 9 kB\nMemAvailable: {free_kib} kB\nCommitLimit: 9 kB\n"
        "Committed_AS: 8 kB\n",
        "sys/vm/overcommit_memory": "2\n" if strict else "0\n",
        "self/cgroup": "0::/user/run\n",
        "loadavg": "0.1 0.1 0.1 1/200 4\n",
    }.items():
        (proc / path).parent.mkdir(parents=True, exist_ok=True)
        (proc / path).write_text(text)
    (groups / "user" / "run").mkdir(parents=True)
    return proc, groups


def test_memory_is_seen_wherever_it_is_bounded(tmp_path: Path) -> None:
    """The machine's, a strict kernel's, that of any control group around this process."""
    proc, groups = kernel(tmp_path / "roomy")
    assert room.shortage((), proc=proc, cgroups=groups) is None
    assert room.shortage((), memory_bytes=1 << 40, proc=proc, cgroups=groups) is not None
    assert room.lacking_memory(1 << 40, proc=proc, cgroups=groups) is not None
    assert room.lacking_memory(1 << 30, proc=proc, cgroups=groups) is None
    (groups / "user" / "memory.max").write_text(str(3 << 30))
    (groups / "user" / "memory.current").write_text(str(5 << 29))
    found = room.shortage((), proc=proc, cgroups=groups)
    assert found == "the control group has 512 MiB of memory left"
    (groups / "user" / "memory.stat").write_text(f"anon 7\nfile {2 << 30}\n")  # cache gives way
    assert room.shortage((), proc=proc, cgroups=groups) is None
    (groups / "user" / "run" / "pids.max").write_text("100")
    (groups / "user" / "run" / "pids.current").write_text("90")
    assert "100 processes" in str(room.shortage((), proc=proc, cgroups=groups))
    proc, groups = kernel(tmp_path / "small", free_kib=900 << 10)
    assert "900 MiB of memory left" in str(room.shortage((), proc=proc, cgroups=groups))
    proc, groups = kernel(tmp_path / "strict", strict=True)
    assert "overcommit" in str(room.shortage((), proc=proc, cgroups=groups))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("a\n/tmp/x.s: Fatal error: can't close x.o: No space left on device\n", "No space"),
        ("gcc: fatal error: Killed signal terminated program cc1", "Killed signal"),
        ("collect2: fatal error: ld terminated with signal 9 [Killed]", "ld terminated"),
        ("cc1: out of memory allocating 65536 bytes", "out of memory"),
        ("terminate called after throwing\n  what():  std::bad_alloc", "std::bad_alloc"),
        ("RuntimeError: can't start new thread", "start new thread"),
        ("qemu: cannot set up guest memory 'ram': Cannot allocate memory", "Cannot allocate"),
        ("ninja: build stopped\nKilled\n", "Killed"),
        ("region `FLASH' overflowed by 12 bytes", None),
        ("error: 'full' is not a memory of killed values", None),
    ],
)
def test_what_programs_say_of_a_shortage(said: str, line: str | None) -> None:
    """The line that tells of it is found, and nothing else is taken for it."""
    found = shortage.told(said)
    assert (found is None) if line is None else (line in str(found))


@pytest.mark.parametrize(
    ("code", "said", "itself"),
    [
        (1, "ld: region `RAM' overflowed by 8 bytes", True),
        (1, "ld: region `RAM' overflowed by 8 bytes\nld: a.o: No space left on device", False),
        (1, "ld: region `RAM' overflowed\ncollect2: ld terminated with signal 9", False),
        (-9, "ld: region `RAM' overflowed by 8 bytes", False),
        (0, "", False),
    ],
)
def test_a_linker_that_ran_short_tells_no_size(code: int, said: str, *, itself: bool) -> None:
    """Only of one that came to its end is it known how much does not fit."""
    assert ended_by_itself(process.Completed(("ld",), code, said)) is itself


class OpError(Exception):
    """As TensorFlow's, which this process does not import."""


class ResourceExhaustedError(OpError):
    """One of those that say nothing of the graph."""


def test_an_exception_is_a_shortage_wherever_it_hides() -> None:
    """By its number, its class, its words, or what it came from."""
    shortages: tuple[Exception, ...] = (
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        MemoryError(),
        ResourceExhaustedError("OOM"),
        RuntimeError("RESOURCE_EXHAUSTED: save"),
    )
    for error in shortages:
        hiding = ValueError("Keras says something else")
        hiding.__cause__ = error
        assert shortage.of(hiding) is not None
        with pytest.raises(ToolError, match="needed for converting"):
            shortage.refuse(hiding, "converting")
    others: tuple[Exception, ...] = (
        OSError("file signature not found"),
        ValueError("no"),
        OpError("bad graph"),
    )
    for error in others:
        assert shortage.of(error) is None
        shortage.refuse(error, "converting")


def test_words_of_the_system() -> None:
    """One line for a person, and a way on."""
    error = shortage.broken(OSError(errno.ENOSPC, "No space left on device", "/x/y"), "stage 'a'")
    assert error.message == "No space left on device: '/x/y', needed for stage 'a'"
    assert json.dumps(str(error)).count("run the same command again") == 1
