"""Logs of sensors as tools and data sets of the field write them, without a header."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, model_validator

from mlforge_tasks.contract.fields import (
    Count,
    ProjectFolder,
    ProjectPath,
    Text,
    checked,
    matching,
    not_empty,
    repeated,
)
from mlforge_tasks.contract.sources.base import SourceRecord, names_below
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator


class Layout(Record):
    """How the numbers of a line lie, which nothing in such a file says.

    Attributes:
        channels: How many quantities were measured together.
        order: `interleaved`: all channels of a sample, then the next sample (NanoEdge AI Studio);
            `by_channel`: all samples of a channel, then the next channel (Nordic's Edge AI Lab).
        target: Whether a value to predict stands `first` (NanoEdge's extrapolation).
        delimiter: What stands between two numbers; a blank is any number of blanks and tabs.
        decimal: What stands before the decimals of a number.
    """

    channels: Count
    order: Literal["interleaved", "by_channel"]
    target: Literal["none", "first"] = "none"
    delimiter: Annotated[str, matching(r'[^"\r\n.0-9+-]', "a single character")] = ","
    decimal: Literal[".", ","] = "."


class LogFile(Record):
    """A file of windows, and what is said of all of them.

    Attributes:
        path: The file.
        label: What is in the column `label`.
        group: What is in the column `group`.
        split: What is in the column `split`.
    """

    path: ProjectPath
    label: Text | None = None
    group: Text | None = None
    split: Text | None = None

    @property
    def marks(self) -> dict[str, str]:
        """What is said, by column."""
        said = {"label": self.label, "group": self.group, "split": self.split}
        return {name: value for name, value in said.items() if value is not None}


class WindowLinesSource(SourceRecord, Layout):
    """Files that hold a window a line.

    Attributes:
        logs: The files; one a class is usual.
    """

    kind: Literal["window_lines"]
    logs: Annotated[tuple[LogFile, ...], AfterValidator(not_empty)]

    def files(self, root: Path) -> tuple[Path, ...]:  # noqa: ARG002 - it needs no look
        """The files."""
        return tuple(sorted(Path(log.path) for log in self.logs))

    @model_validator(mode="after")
    def _consistent(self) -> WindowLinesSource:
        return checked(self, self._mistakes())

    def _mistakes(self) -> Iterator[Mistake]:
        yield from repeated("logs", tuple(log.path for log in self.logs))
        if len({tuple(log.marks) for log in self.logs}) > 1:
            yield Mistake("label, group and split for all files or for none", at=("logs",))
        if self.decimal == self.delimiter:
            wanted = "another character than decimal, such as ';'"
            yield Mistake(wanted, at=("delimiter",), found=f"'{self.delimiter}'")


class WisdmSource(SourceRecord):
    """Raw text of a WISDM data set: one file of 2010, or a folder of those of 2019.

    Attributes:
        path: The file.
        folder: Instead of it a folder, of which each file that ends with `.txt` is read.
    """

    kind: Literal["wisdm"]
    path: ProjectPath | None = None
    folder: ProjectFolder | None = None

    @model_validator(mode="after")
    def _either(self) -> WisdmSource:
        if (self.path is None) == (self.folder is None):
            found = "both" if self.path else "neither"
            raise Mistake("either path or folder", found=found)
        return self

    @property
    def place(self) -> str:
        """What the contract names."""
        return self.path or self.folder or ""

    def files(self, root: Path) -> tuple[Path, ...]:
        """The file, or those of the folder."""
        if self.folder is None:
            return (Path(self.place),)
        names = sorted(name for name in names_below(root, self.folder) if name.endswith(".txt"))
        if not names:
            raise MlforgeError(f"{self.folder}: found no file that ends with .txt")
        return tuple(Path(self.folder, name) for name in names)
