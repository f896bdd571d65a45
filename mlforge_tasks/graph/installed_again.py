"""Whether what is installed is still what it was, without listing any folder anew.

A run asks this after each stage that is a process of its own. The first look is `_installed.py`'s,
in a process; by the second, this one knows all files and folders, and from then on it compares the
size, times and inode of each: a third of the time. A file that comes or goes changes its folder.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mlforge_tasks.graph import _installed

if TYPE_CHECKING:
    from collections.abc import Sequence


Known: TypeAlias = tuple[int, int, int, int]


def _known(stat: os.stat_result) -> Known:
    """What `_installed.stamp_of` tells, as it is compared soonest."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


class Watched(_installed.Tree):
    """The files below one folder of the path, and the folders that they are in."""

    def __init__(self, root: str, skipped: set[str]) -> None:
        self._folders: dict[str, Known] = {}
        self._files: dict[str, list[tuple[str, Known]]] = {}
        super().__init__(root, skipped)

    def _enter(self, prefix: str) -> None:
        stat = os.stat(f"{self.root}/{prefix}")  # noqa: PTH116 - of 2,500 folders
        self.newest_ns = max(self.newest_ns, stat.st_ctime_ns)
        self._folders[prefix] = _known(stat)

    def _add(self, name: str, stat: os.stat_result) -> None:
        super()._add(name, stat)
        folder, slash, own = name.rpartition("/")
        self._files.setdefault(folder + slash, []).append((own, _known(stat)))

    def same(self) -> bool:
        """Whether nothing has come, gone or changed."""
        root = Path(self.root)
        try:
            if self._folders:
                return all(self._same_below(prefix) for prefix in self._folders)
            if self._files:
                return [("", _known(root.stat()))] == self._files[""]
        except OSError:
            return False
        return not root.exists()

    def _same_below(self, prefix: str) -> bool:
        folder = os.open(f"{self.root}/{prefix}", os.O_RDONLY | os.O_DIRECTORY)
        try:
            if _known(os.fstat(folder)) != self._folders[prefix]:
                return False
            for name, known in self._files.get(prefix, ()):
                stat = os.stat(name, dir_fd=folder)
                # In line: of 20,000 files.
                if (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino) != known:
                    return False
        finally:
            os.close(folder)
        return True


class Watch:
    """All that this Python imports from, as it was when this was made.

    Args:
        path: The folders that it imports from.

    Attributes:
        seen: What `_installed.py` tells of the same; empty where a change could leave no sign.
    """

    def __init__(self, path: Sequence[str]) -> None:
        now = time.time_ns()
        self._around = _installed.around()
        library, others = _installed.roots(list(path))
        self._trees = [
            *(Watched(root, _installed.STDLIB_SKIPPED) for root in library),
            *(Watched(root, _installed.SKIPPED) for root in others),
            *(Watched(file, set()) for file in self._around),
        ]
        settled = max(tree.newest_ns for tree in self._trees) < now - _installed.SETTLED_NS
        self.seen = _installed.seen_of([*self._trees]) if settled else ""

    def same(self) -> bool:
        """Whether it all is as it was then."""
        return _installed.around() == self._around and all(tree.same() for tree in self._trees)
