"""A run on a machine that is short of something: told in one message, and right when repeated."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.helpers import short
from tests.helpers.builds import DOIT, Cold, digests, doit
from tests.helpers.paths import ROOT, TANK

pytestmark = pytest.mark.slow

# Runs a command once with each size of a file system, which at first holds what a tree keeps.
GROWING = """
mount -t tmpfs tmpfs "$1" && mkdir "$1/build" && cp -a "$2"/ac "$2"/cas "$1/build" || exit 9
used=$(du -sk "$1" | cut -f1); disk=$1; kept=$3; more=$4; shift 4
for kib in $more; do
  mount -o remount,size=$((used + kib))k "$disk" || exit 9
  "$@"; echo "ended with $?"
done
cp -a "$disk" "$kept"
"""
SIZES_KIB = (0, 24, 160, 1 << 15)


@pytest.mark.skipif(not short.mounts(), reason="no file system of one's own can be mounted here")
def test_a_full_disk_is_told_and_the_repeat_is_right(cold: Cold, tmp_path: Path) -> None:
    """Wherever the disk runs full, nothing of what was done is lost or wrong."""
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    words = (str(disk), str(cold.build), str(kept), " ".join(map(str, SIZES_KIB)))
    wrap = ("unshare", "-rm", "sh", "-c", GROWING, "sh", *words)
    run = doit(build=disk / "build", wrap=wrap)
    codes = re.findall(r"^ended with (\d+)$", run.out, re.MULTILINE)
    assert len(codes) == len(SIZES_KIB), run.out + run.err
    assert (codes[0], codes[-1]) == ("2", "0"), run.out + run.err
    assert set(codes) <= {"0", "2"}
    assert "Traceback" not in run.out + run.err
    assert "No space left on device" in run.err
    assert digests(kept / "build") == cold.digests


def test_a_console_that_takes_no_more_ends_no_run(build: Path) -> None:
    """The run goes on, its exit code says how it ended, and why nothing is shown is told once."""
    argv = [str(DOIT), "run", f"contract={TANK}", f"build={build}"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            argv, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=300
        )
    assert done.returncode == 0
    assert done.stderr.splitlines() == ["nothing more is shown: No space left on device"]
