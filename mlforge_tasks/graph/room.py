"""Whether this machine has room: what it is short of, and which limits lie on this process.

A program that is refused memory, disk or a thread may crash in any way there is. Where there was
room, the crash is its own.
"""

from __future__ import annotations

import os
import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What a training or a conversion is never short of with so much: TensorFlow takes 0.5 GB of memory
# and 3 GB of addresses (measured), its converter writes the network to the disk once.
ROOM_BYTES = 1 << 30
ROOM_DISK_BYTES = 64 << 20
ROOM_FILES = 64
ROOM_TASKS = 64
_LIMITS = (
    (resource.RLIMIT_AS, "memory addresses (ulimit -v)", 16 << 30),
    (resource.RLIMIT_DATA, "memory (ulimit -d)", 16 << 30),
    (resource.RLIMIT_FSIZE, "the size of a file (ulimit -f)", 1 << 30),
    (resource.RLIMIT_STACK, "a stack (ulimit -s)", 1 << 20),
    (resource.RLIMIT_NOFILE, "open files (ulimit -n)", 256),
)
PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")


def shortage(
    places: Iterable[Path],
    *,
    memory_bytes: float | None = None,
    proc: Path = PROC,
    cgroups: Path = CGROUPS,
) -> str | None:
    """What this machine, or this process, is short of, in words; None where there is room.

    Args:
        places: Folders that have to take files.
        memory_bytes: Memory that has to be free, where that is known.
        proc: The kernel's files.
        cgroups: Its control groups.
    """
    wanted = memory_bytes or ROOM_BYTES
    found = (*_disks(places), *_memory(proc, wanted), *_groups(proc, cgroups, wanted))
    return next(iter((*found, *_limits(proc))), None)


def lacking_memory(wanted: float, *, proc: Path = PROC, cgroups: Path = CGROUPS) -> str | None:
    """That there is not so much memory, in bytes, in words; None where there is."""
    return next(iter((*_memory(proc, wanted), *_groups(proc, cgroups, wanted))), None)


def data_bytes(*, proc: Path = PROC) -> int:
    """What this process has of the memory that `ulimit -d` limits; 0 where nobody says so."""
    found = re.search(r"^VmData:\s+(\d+) kB$", _text(proc / "self/status"), re.MULTILINE)
    return int(found[1]) << 10 if found else 0


def _size(count: float) -> str:
    return f"{count / (1 << 20):.0f} MiB"


def _disks(places: Iterable[Path]) -> Iterator[str]:
    for place in places:
        disk = os.statvfs(place)
        free = disk.f_bavail * disk.f_frsize
        if free < ROOM_DISK_BYTES:
            yield f"the file system of '{place}' has {_size(free)} left"
        elif disk.f_files and disk.f_favail < ROOM_FILES:
            yield f"the file system of '{place}' takes {disk.f_favail} more files"


def _memory(proc: Path, wanted: float) -> Iterator[str]:
    text = _text(proc / "meminfo")
    kibibytes = {
        name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+)", text, re.MULTILINE)
    }
    free = kibibytes.get("MemAvailable")
    if free is not None and free << 10 < wanted:
        yield f"the machine has {_size(free << 10)} of memory left, {_size(wanted)} may be needed"
    if _text(proc / "sys/vm/overcommit_memory").strip() == "2":
        left = kibibytes["CommitLimit"] - kibibytes["Committed_AS"] << 10
        if left < wanted:
            yield f"the machine promises {_size(left)} more of memory (vm.overcommit_memory)"


def _groups(proc: Path, cgroups: Path, wanted: float) -> Iterator[str]:
    """Limits of this process's control groups, version 2, of which each is in another."""
    own = re.search(r"^0::(/.*)$", _text(proc / "self/cgroup"), re.MULTILINE)
    folder = cgroups / (own[1].strip("/") if own else "")
    for group in (folder, *folder.parents):
        if not group.is_relative_to(cgroups):
            return
        most = _text(group / "memory.max").strip()
        cached = re.search(r"^file (\d+)$", _text(group / "memory.stat"), re.MULTILINE)
        if most.isdigit():
            used = int(_text(group / "memory.current") or 0) - (int(cached[1]) if cached else 0)
            if int(most) - used < wanted:
                yield f"the control group has {_size(int(most) - used)} of memory left"
        tasks = _text(group / "pids.max").strip()
        if tasks.isdigit() and int(tasks) - int(_text(group / "pids.current") or 0) < ROOM_TASKS:
            yield f"the control group takes {tasks} processes, and has nearly as many"


def _limits(proc: Path) -> Iterator[str]:
    for which, name, least in _LIMITS:
        soft, _ = resource.getrlimit(which)
        if soft not in {resource.RLIM_INFINITY, -1} and soft < least:
            amount = f"{soft}" if which == resource.RLIMIT_NOFILE else f"{soft} bytes"
            yield f"this process is limited to {amount} of {name}"
    most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    running = re.search(r"/(\d+) ", _text(proc / "loadavg"))
    if os.geteuid() != 0 and running and -1 < most < int(running[1]) + ROOM_TASKS:
        yield f"this user may have {most} processes (ulimit -u), and {running[1]} run here"


def _text(path: Path) -> str:
    """A file of the kernel; empty where there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""
