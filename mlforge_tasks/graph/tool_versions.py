"""Versions of the tools that stages depend on, asked without importing the tools."""

from __future__ import annotations

import contextlib
import functools
import platform as host
import threading
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlforge_tasks.records import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

Answer = TypeVar("Answer")


def once(question: Callable[..., Answer]) -> Callable[..., Answer]:
    """Asks a tool once; whoever asks meanwhile waits for that answer. Errors are not kept."""
    answered = functools.cache(question)
    lock = threading.Lock()

    @functools.wraps(question)
    def ask(*about: Hashable) -> Answer:
        with lock:
            return answered(*about)

    return ask


def ask_ahead(questions: Iterable[Callable[[], Mapping[str, str]]]) -> threading.Thread:
    """Begins to ask for versions, so that most are known when a key needs them.

    Compilers and emulators take their time to say theirs, while Python has other things to do. What
    goes wrong, whatever it is, is met again, and told, by whoever needs the answer.
    """

    def ask() -> None:
        for question in questions:
            with contextlib.suppress(Exception):
                question()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    return asking


@functools.cache
def _packages(names: tuple[str, ...], optional: str | None) -> Mapping[str, str]:
    versions = {name: metadata.version(name) for name in names}
    if optional is not None:
        try:
            versions[optional] = metadata.version(optional)
        except metadata.PackageNotFoundError:
            versions[optional] = "absent"
    return {**versions, "python": host.python_version()}


def of(*names: str, optional: str | None = None) -> Callable[[], Mapping[str, str]]:
    """A function that gives the versions of some installed distributions, and of Python.

    Args:
        names: Distributions that are there.
        optional: One that may be absent.
    """
    return functools.partial(_packages, names, optional)


@functools.cache
def training_environment() -> Mapping[str, str]:
    """What trained weights are pinned to: TensorFlow's build and the CPU's features."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else [host.processor()]
    features = sorted({line for line in lines if line.startswith(("flags", "model name"))})
    return {
        **_packages(("tensorflow-cpu", "keras", "numpy"), None),
        "cpu": sha256_bytes("\n".join(features).encode()),
    }
