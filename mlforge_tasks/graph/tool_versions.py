"""Versions of the tools that stages depend on, asked without importing the tools."""

from __future__ import annotations

import functools
import platform as host
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.records import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
