"""What every kind of source says of itself, and how the files of a folder are found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.contract.fields import ProjectPath
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


class SourceRecord(Record):
    """Base of every kind: by default it has no file in the project, and its columns no axes.

    Attributes:
        kind: Which kind it is.
    """

    def files(self, root: Path) -> tuple[Path, ...]:  # noqa: ARG002 - what others look into
        """Files of the project that the data is made from, relative to its root, sorted.

        They are found anew each time: a stage is made again where one came, went or was edited.

        Args:
            root: The project's root.

        Raises:
            MlforgeError: They cannot be found.
        """
        return ()

    @property
    def columns_have_axes(self) -> bool:
        """Whether one column may hold more than a number a row, such as an image."""
        return False


class FileSource(SourceRecord):
    """A source that is one file of the project.

    Attributes:
        path: The file, relative to the project.
    """

    path: ProjectPath

    def files(self, root: Path) -> tuple[Path, ...]:  # noqa: ARG002 - it needs no look
        """The file."""
        return (Path(self.path),)


def names_below(root: Path, folder: str) -> Iterator[str]:
    """Names of all files below a folder of the project, relative to it, in no order.

    What is hidden (`.DS_Store`) is left out, and links to folders are not followed.

    Args:
        root: The project's root.
        folder: The folder, relative to it.

    Raises:
        MlforgeError: A folder cannot be read, a link leads out of the project, or a name is odd.
    """
    base, todo = f"{root}/{folder}", [""]
    while todo:
        prefix = todo.pop()
        try:
            with os.scandir(f"{base}/{prefix}") as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(f"{prefix}{entry.name}/")
                    elif entry.is_file():
                        yield _checked(entry, root, f"{prefix}{entry.name}", folder)
        except OSError as error:
            raise MlforgeError(f"{folder}/{prefix}: cannot be read ({error.strerror})") from error


def _checked(entry: os.DirEntry[str], root: Path, name: str, folder: str) -> str:
    if not name.isprintable():
        raise MlforgeError(
            f"{folder}: found a file named {name!a}, wanted printable characters",
            hint="rename it",
        )
    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root.resolve()):
        raise MlforgeError(
            f"{folder}/{name}: found a link that leads out of the project",
            hint="copy the file, or the folder, into the project",
        )
    return name
