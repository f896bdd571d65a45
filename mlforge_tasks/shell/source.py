"""A contract's file as continuous integration names it: from the root of its repository."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.graph import product

if TYPE_CHECKING:
    from mlforge_tasks.yaml_file.places import Place

_REPOSITORY = (".git", ".hg", ".svn")


@dataclass(frozen=True)
class Source:
    """A contract's file, as it was when it was read.

    Attributes:
        path: As the user calls it.
        data: What it holds.
    """

    path: Path
    data: bytes

    @classmethod
    def of(cls, path: Path) -> Source | None:
        """None where there is no such file, or it cannot be read."""
        try:
            return cls(path, path.read_bytes()) if path.is_file() else None
        except (OSError, ValueError):
            return None

    def named(self, path: Path | None = None) -> str:
        """A file's path from the root of the contract's repository, with `/`; never absolute.

        Where there is no repository the root is the project, or the folder of a contract that
        lies outside of it. Of a file that is elsewhere the name is left.

        Args:
            path: The contract itself where it is None.
        """
        root, found = _root(self.path), _absolute(path or self.path)
        return found.relative_to(root).as_posix() if found.is_relative_to(root) else found.name

    def places(self) -> dict[str, Place]:
        """Where its keys stand; none where it cannot be read."""
        from mlforge_tasks.yaml_file.places import places  # noqa: PLC0415 - rarely needed

        return places(self.data.decode("utf-8-sig", errors="replace"))


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links out of it


def _root(path: Path) -> Path:
    folder = _absolute(path).parent
    for one in (folder, *folder.parents):
        if any((one / name).exists() for name in _REPOSITORY):
            return one
    project = product.project()
    return project if folder.is_relative_to(project) else folder
