"""What doit keeps of earlier runs, in `build/<contract>/.doit.json`.

It is a cache: the store has all that matters. So whatever of it cannot be read, or is not of the
shape that doit writes, counts as not known, and the stages that it was of are looked at again.
"""

from __future__ import annotations

import functools
import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit.dependency import Dependency, JSONCodec, JsonDB, MD5Checker

from mlforge_tasks.graph.files import CorruptError, Tree, file_digest, read_own

if TYPE_CHECKING:
    from mlforge_tasks.pipeline.plan import Plan

# What doit itself opens before a command starts: never read, never written.
NOWHERE = os.devnull
# doit's names for what is no file: values that a task gave, files it read, who looked at them.
VALUES, FILES, CHECKER = "_values_:", "deps:", "checker:"


class Sha256Checker(MD5Checker):  # type: ignore[misc]  # doit has no type hints
    """Tells a changed file by nanosecond time, size and sha256."""

    def check_modified(self, file_path: str, file_stat: os.stat_result, state: Any) -> bool:
        """Whether the file differs from the state doit kept."""
        time_ns, size, digest = state
        if (file_stat.st_mtime_ns, file_stat.st_size) == (time_ns, size):
            return False
        return bool(_digest(Path(file_path), file_stat) != digest)

    def get_state(self, dep: str, current_state: Any) -> tuple[int, int, str] | None:
        """What to keep of a file; None where nothing changed."""
        found = Path(dep).stat()
        if current_state and tuple(current_state[:2]) == (found.st_mtime_ns, found.st_size):
            return None
        return found.st_mtime_ns, found.st_size, _digest(Path(dep), found)


def _digest(path: Path, found: os.stat_result) -> str:
    """A plain file's digest; nothing of a pipe, which would be waited for."""
    return file_digest(path) if stat.S_ISREG(found.st_mode) else ""


def _is_file_state(found: object) -> bool:
    return isinstance(found, list) and [type(one) for one in found] == [int, int, str]


def _is_right(name: str, found: object) -> bool:
    """Whether an item of a task is as doit and the checker write it."""
    if name in (VALUES, "result:"):
        return isinstance(found, dict) or (name == "result:" and isinstance(found, str))
    if name == FILES:
        return isinstance(found, list) and all(isinstance(one, str) for one in found)
    if name == CHECKER:
        return bool(found == Sha256Checker.__name__)
    return _is_file_state(found)


def known_tasks(found: object) -> dict[str, dict[str, Any]]:
    """The tasks of a state that are right through and through; what is odd is not known.

    An `ignore:` is odd too: a stage that is passed over leaves a gap in every figure after it.
    """
    if not isinstance(found, dict):
        return {}
    return {
        task: items
        for task, items in found.items()
        if isinstance(items, dict) and all(_is_right(*item) for item in items.items())
    }


class Codec(JSONCodec):  # type: ignore[misc]  # doit has no type hints
    """JSON that is never wrong: what is none is a state without tasks."""

    def decode(self, data: str) -> dict[str, dict[str, Any]]:
        """The tasks that a state knows."""
        try:
            return known_tasks(json.loads(data))
        except (ValueError, RecursionError):
            return {}


def _read(path: Path) -> str:
    """A plain file's text; empty where it is none, too large or not to be read."""
    try:
        return read_own(path).decode("ascii", errors="replace")
    except (OSError, CorruptError):
        return ""


class State(JsonDB):  # type: ignore[misc]  # doit has no type hints
    """doit's JSON backend that reads anything and writes in one step, where there is news.

    Args:
        name: The file.
        codec: Makes text of it.
        module_name: Given by doit, not used.
        tree: The build tree it lies in; None where nothing is ever written.
    """

    def __init__(
        self, name: str, codec: Codec, *, tree: Tree | None, module_name: str | None = None
    ) -> None:
        del module_name
        self.name = name
        self.codec = codec
        self._tree = tree
        self._text = _read(Path(name))
        self._db = codec.decode(self._text)

    def dump(self) -> None:
        """Writes the file. One that cannot be written costs the next run time, nothing else."""
        text = self.codec.encode(self._db)
        if text == self._text or self._tree is None:
            return
        try:
            self._tree.publish(text.encode(), Path(self.name))
        except OSError as error:
            print(
                f"cannot write '{self.name}': {error.strerror}\n"
                "The next run looks at every stage again; what was made is kept.",
                file=sys.stderr,
            )


def open_state(plan: Plan, *, keeps: bool = True) -> Dependency:
    """What doit knows of a plan's tasks.

    Args:
        plan: The plan.
        keeps: Whether what is found out is written when it is closed.
    """
    tree = plan.workspace.store.tree if keeps else None
    name = str(plan.folder / ".doit.json")
    backend = functools.partial(State, tree=tree)
    return Dependency(backend, name, checker_cls=Sha256Checker, codec_cls=Codec)
