"""What a stage's result may depend on beside its inputs and its own code, for its key.

Python with everything that a stage can import, by content; the variables that its process sees;
and of a stage that computes with numpy or TensorFlow the processor too, whose vector extensions
decide in which order they add. Each part has its name, so that a key that differs can say in what.
"""

from __future__ import annotations

import functools
import platform as host
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process, surroundings
from mlforge_tasks.graph.code_version import foreign_imports
from mlforge_tasks.graph.product import ROOT
from mlforge_tasks.graph.tool_versions import Once
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlforge_tasks.graph.installed_again import Watch

_LOOK = Path(__file__).with_name("_installed.py")
# The first look reads all of it, 2 GB with TensorFlow, perhaps from a slow disk.
LOOK_TIMEOUT_S = 1800.0
COMPUTING = {"numpy", "tensorflow", "keras"}
_CPUINFO = Path("/proc/cpuinfo")
# What x86-64 and AArch64 call their vector extensions, and what is computed differently with them.
_VECTOR = re.compile(
    r"(?:(?:s?sse|avx|amx|fma|asimd|sve|i8mm)\w*|f16c|3dnow(?:ext)?|sme\d*|neon|fphp|bf16)$"
)


class Installed(Record):
    """What a stage's Python can import; see `_installed.py`.

    Attributes:
        python: Version and digest of the interpreter.
        standard_library: Digest of its modules.
        packages: Version and digest of each distribution, and of what belongs to none.
        path: The folders that it imports from.
    """

    python: str
    standard_library: str
    packages: dict[str, str]
    path: tuple[str, ...]


class Look(Record):
    """What a look has come to.

    Attributes:
        seen: Digest of the sizes, times and inodes of all files.
        found: What they are.
    """

    seen: str
    found: Installed


class _Last:
    """The last look at this Python in this run, and whether it still holds."""

    def __init__(self, looked: Look) -> None:
        self._looked = looked
        self._watch: Watch | None = None

    def holding(self) -> Installed | None:
        """What was found then; None where it may be something else by now."""
        if self._watch is not None:
            return self._looked.found if self._watch.same() else None
        # Not for a run that asks once.
        from mlforge_tasks.graph.installed_again import Watch  # noqa: PLC0415

        watch = Watch(self._looked.found.path)
        if watch.seen != self._looked.seen:
            return None
        self._watch = watch
        return self._looked.found


_last: dict[str, _Last] = {}


@Once
def installed(python: str = sys.executable) -> Installed:
    """What a Python can import, by content.

    Raises:
        ToolError: It cannot be looked at.
    """
    last = _last.pop(python, None)
    found = last.holding() if last is not None else None
    if last is None or found is None:
        last = _Last(looked := look(python))
        found = looked.found
    if python == sys.executable:  # of another one, this one cannot tell what it imports from
        _last[python] = last
    return found


def look(python: str) -> Look:
    """Looks at what a Python can import by a process of its own.

    Raises:
        ToolError: It cannot be looked at.
    """
    kept = surroundings.cache_folder() / "digests"
    argv = [python, "-E", "-s", "-P", str(_LOOK), str(kept)]
    said = process.check(argv, timeout_s=LOOK_TIMEOUT_S)
    try:
        return Look.model_validate_json(said)
    except ValidationError as error:
        raise ToolError(f"`{' '.join(argv)}` said\n{said}") from error


@functools.cache
def processor() -> Mapping[str, str]:
    """Name and vector extensions of this computer's processor."""
    told: dict[str, str] = {}
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text().splitlines():
            name, _, value = line.partition(":")
            told.setdefault(name.strip().lower(), value.strip())
    flags = told.get("flags", told.get("features", "")).split()
    return {
        "name": told.get("model name") or host.processor() or host.machine(),
        "vector extensions": " ".join(sorted(filter(_VECTOR.match, flags))),
    }


def document(roots: Iterable[str]) -> dict[str, Any]:
    """The part of a key that is of where a stage runs.

    Args:
        roots: The modules that it is made of.
    """
    found = installed()
    parts: dict[str, Any] = {
        "python": found.python,
        "standard library": found.standard_library,
        "packages": found.packages,
        "variables": surroundings.variables(),
    }
    if COMPUTING & foreign_imports(tuple(roots)):
        parts["processor"] = dict(processor())
    return parts


def confine() -> None:
    """Has this process import nothing that the keys do not cover.

    Raises:
        ToolError: It already has: a module of a name that is installed came from elsewhere.
    """
    path = installed().path
    sys.path[:] = list(dict.fromkeys((*path, str(ROOT))))
    covered = tuple(f"{folder}/" for folder in sys.path)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None or "." in name or name == "__main__" or file.startswith(covered):
            continue
        if PathFinder.find_spec(name, list(path)) is not None:
            raise ToolError(
                f"'{name}' was imported from '{file}', not from where it is installed",
                hint="rename that file, or unset PYTHONPATH",
            )
