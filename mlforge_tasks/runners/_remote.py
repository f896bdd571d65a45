"""A program in a folder of its own on a machine: copied, started, and no trace of it left.

The machine cleans up by itself: a shell stays the program's parent there, and when that ends, for
whatever reason (its input ends with the connection), removes the folder and ends what ran beside.

Control groups are those of Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of the kernel;
whether one holds the program is asked of the kernel, and not believed of whoever made it.
"""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.records import Reason
from mlforge_tasks.runners._fault import STAGE
from mlforge_tasks.runners._ssh_connection import UNKNOWN
from mlforge_tasks.yaml_file.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.runners import Circumstances
    from mlforge_tasks.runners._ssh_connection import Done, Machine, Process

PROGRAM = "program"
# Where cyclictest writes.
WAKEUPS = "wakeups.txt"
START_S = 20.0
END_S = 10.0
# As a shell tells why a program did not start (POSIX, 2.8.2), and what is added to a signal.
NOT_EXECUTED, NOT_FOUND, SIGNALS_FROM = 126, 127, 128
# What a program brings upon itself; any other signal came from outside.
FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)

_FOLDER = 'umask 077; mktemp -d "$0/mlforge.XXXXXXXXXX"'
# `$0` is the folder; then how many processors are kept busy, the memory that the program may take
# and the period of cyclictest's thread in microseconds, 0 for none. What it finds is told on
# stderr, a line each, and last the program's process id.
_LAUNCH = r"""
here=$0 cpus=$1 most=$2 period=$3
beside= group=
tidy() {
    [ -z "$beside" ] || kill $beside 2>/dev/null
    rm -rf -- "$here"
    [ -z "$group" ] || rmdir "$group" 2>/dev/null
}
trap tidy EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
say() { echo "$*" >&2; }
cd "$here" || exit
chmod 0500 program

if [ "$cpus" -gt 0 ] && command -v stress-ng >/dev/null; then
    stress-ng --cpu "$cpus" --quiet </dev/null >/dev/null 2>&1 & beside=$!
    say "load=stress-ng --cpu $cpus"
elif [ "$cpus" -gt 0 ]; then
    left=$cpus
    while [ "$left" -gt 0 ]; do
        (while :; do :; done) </dev/null >/dev/null 2>&1 & beside="$beside $!"
        left=$((left - 1))
    done
    say "load=$cpus shell loops"
fi
if [ "$period" -gt 0 ] && command -v cyclictest >/dev/null; then
    cyclictest --quiet --mlockall --priority=80 --interval="$period" </dev/null >wakeups.txt 2>&1 &
    beside="$beside $!"
    say "cyclictest=$!"
fi

cgroups=/sys/fs/cgroup
limit() { { cat "$1/memory.max" || cat "$1/memory.limit_in_bytes"; } 2>/dev/null; }
through=
if [ "$most" -gt 0 ]; then
    for base in "$cgroups/memory" "$cgroups"; do
        [ -z "$group" ] || break
        group=$base/mlforge-${here##*.}
        mkdir "$group" 2>/dev/null || { group=; continue; }
        for one in memory.limit_in_bytes memory.memsw.limit_in_bytes memory.max; do
            [ ! -e "$group/$one" ] || echo "$most" 2>/dev/null >"$group/$one"
        done
        [ ! -e "$group/memory.swap.max" ] || echo 0 2>/dev/null >"$group/memory.swap.max"
        [ -n "$(limit "$group")" ] || { rmdir "$group"; group=; }
    done
    if [ -z "$group" ] && systemd-run --user --scope --quiet true 2>/dev/null; then
        through="systemd-run --user --scope --quiet -p MemoryMax=$most -p MemorySwapMax=0"
    fi
fi
export group most
$through sh -c '
    [ -z "$group" ] || echo "$$" >"$group/cgroup.procs"
    second=$(sed -n "s/^0:://p" /proc/self/cgroup)
    first=$(sed -n "s/^[0-9]*:memory://p" /proc/self/cgroup)
    for own in "$second/memory.max" "/memory$first/memory.limit_in_bytes"; do
        held=$(cat "/sys/fs/cgroup$own" 2>/dev/null)
        [ "$most" -le 0 ] || [ "$held" -gt "$most" ] 2>/dev/null || [ -z "${held##*[!0-9]*}" ] ||
            echo "memory_max=$held" >&2
    done
    echo "pid=$$" >&2
    exec ./program'
code=$?
[ -z "$group" ] || cat "$group/memory.events" "$group/memory.oom_control" 2>/dev/null >&2
exit "$code"
"""
# Ends the program, if the process of its id is still that one, which works in its folder.
_REMOVE = '[ "$(readlink "/proc/$1/cwd")" = "$0" ] && kill -9 "$1"; rm -rf -- "$0"'


@dataclass(frozen=True)
class Running:
    """A program that runs.

    Attributes:
        machine: Where.
        folder: Its folder there.
        line: Its stdin and stdout.
        told: What the shell that started it told: `load`, `cyclictest`, `memory_max`, `pid`.
        under: What was asked for.
    """

    machine: Machine
    folder: str
    line: Process
    told: Mapping[str, str]
    under: Circumstances

    @property
    def pid(self) -> str:
        """Its process id there."""
        return self.told["pid"]

    @property
    def held(self) -> bool:
        """Whether the kernel keeps it to the memory that it may take."""
        return "memory_max" in self.told

    def alive(self) -> bool:
        """Whether it is still there.

        Raises:
            ToolError: The connection is lost.
        """
        return self.machine.do(["kill", "-0", self.pid]).code == 0


@contextlib.contextmanager
def launched(
    machine: Machine, folder: str, program: Path, under: Circumstances, beside: Iterable[Path] = ()
) -> Iterator[Running]:
    """Copies a program to a machine and starts it; whatever happens, no trace of it is left.

    Args:
        machine: Where to.
        folder: What its own folder is made in.
        program: The file.
        under: What it runs beside and within.
        beside: Shared libraries that it needs in its folder.

    Raises:
        ToolError: It cannot be copied or does not start, or the connection is lost.
    """
    doing = f"no folder can be made in {folder}"
    here = machine.check(["sh", "-c", _FOLDER, folder], doing=doing).decode().strip()
    told: dict[str, str] = {}
    try:
        for path, name in ((program, PROGRAM), *((one, one.name) for one in beside)):
            machine.put(path, f"{here}/{name}")
        given = (under.load_cpus, under.memory_max_bytes or 0, under.wakeup_period_us or 0)
        line = machine.start(["sh", "-c", _LAUNCH, here, *map(str, given)])
        told |= _started(machine, line, here)
        yield Running(machine, here, line, told, under)
    finally:
        # A machine that is gone tidies up by itself.
        with contextlib.suppress(ToolError):
            machine.do(["sh", "-c", _REMOVE, here, told.get("pid", "0")])


def _started(machine: Machine, line: Process, here: str) -> dict[str, str]:
    """What the shell tells before it is the program."""
    told: dict[str, str] = {}
    deadline = time.monotonic() + START_S
    said = ""
    while "pid" not in told:
        said = line.said_line(deadline - time.monotonic())
        name, mark, value = said.partition("=")
        if not mark:
            raise ToolError(
                f"{machine.name}: the program in {here} did not start: {said or 'in silence'}"
            )
        told[name] = value
    return told


def outcome(on: Running, how: Done, seen: int) -> CandidateFailure | ToolError:
    """What it means that a program ended before the host was done.

    Args:
        on: The program.
        how: How the shell that started it ended.
        seen: Bytes that came from it.
    """
    name = on.machine.name
    if how.code == UNKNOWN:
        return on.machine.lost()
    if how.code in (NOT_EXECUTED, NOT_FOUND):
        return ToolError(
            f"{name} does not execute the program: {how.said}",
            hint=f"{on.folder} may be on a file system that is mounted with 'noexec': name another "
            "`folder` below `ssh` in the hardware map",
        )
    ended_by = -how.code if how.code < 0 else how.code - SIGNALS_FROM
    if ended_by == signal.SIGKILL and on.held:
        return _too_much_memory(on)
    if ended_by in FAULTS:
        return _result("fault", f"the process got {process.signal_name(-ended_by)} on {name}")
    if ended_by > 0:
        told = f"the program on {name} was ended by {process.signal_name(-ended_by)}"
        return ToolError(f"{told} from outside", hint="see its kernel's log (`dmesg`) for why")
    text = f"the console ended after {seen} bytes (exit code {how.code} on {name})"
    return _result("truncated_console", f"{text}: {how.said}" if how.said else text)


def _too_much_memory(on: Running) -> CandidateFailure:
    most = on.under.memory_max_bytes or 0
    text = f"the kernel of {on.machine.name} ended it: it needs more than operation.memory_max, "
    return CandidateFailure(
        Reason(
            code="does_not_fit",
            stage=STAGE,
            message=text + format_bytes(most),
            metric="ram_bytes",
            limit=most,
        )
    )


def _result(code: str, message: str) -> CandidateFailure:
    return CandidateFailure(Reason(code=code, stage=STAGE, message=message))
