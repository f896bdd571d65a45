"""A command with too little of something: put before it, as `Run`'s `wrap`."""

from __future__ import annotations

import functools
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


@functools.cache
def mounts() -> bool:
    """Whether a file system of any size can be had here: a kernel may refuse it."""
    argv = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def of_disk(folder: Path, size_bytes: int) -> tuple[str, ...]:
    """`folder` is a file system of so many bytes; its files go with the command."""
    folder.mkdir(parents=True, exist_ok=True)
    return ("unshare", "-rm", "sh", "-c", _MOUNT, "sh", str(size_bytes), str(folder))


def of(**limits: int) -> tuple[str, ...]:
    """Under limits on resources, by `prlimit`'s names (`as`, `fsize`, `nofile`)."""
    return ("prlimit", *(f"--{name}={value}" for name, value in limits.items()))
