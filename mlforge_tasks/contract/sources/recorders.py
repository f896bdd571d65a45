"""Folders of recordings as data sets and recording tools of the field lay them out."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from mlforge_tasks.contract.delimited import Delimited
from mlforge_tasks.contract.fields import Count, ProjectFolder, ProjectPath, Text, matching
from mlforge_tasks.contract.sources.base import SourceRecord, names_below
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable


class _FolderSource(SourceRecord):
    """What lies in a folder of the project.

    Attributes:
        path: The folder, relative to the project.
    """

    path: ProjectFolder

    def _below(self, root: Path, fits: Callable[[PurePosixPath], bool], what: str) -> list[str]:
        """Files that fit, relative to the folder, sorted.

        Raises:
            MlforgeError: There are none.
        """
        names = sorted(name for name in names_below(root, self.path) if fits(PurePosixPath(name)))
        if not names:
            raise MlforgeError(f"{self.path}: found no {what} (dataset.source.path)")
        return names

    def names(self, root: Path) -> list[str]:
        """Files that the data is made from, relative to the folder, sorted."""
        raise NotImplementedError

    def files(self, root: Path) -> tuple[Path, ...]:
        """The same, relative to the project's root."""
        return tuple(Path(self.path, name) for name in self.names(root))


class UciHarSource(_FolderSource):
    """Text laid out as the "UCI HAR Dataset" is: a file a signal, a window a line."""

    kind: Literal["uci_har"]

    def names(self, root: Path) -> list[str]:
        """Everything below `train` and `test`, and the names of the activities."""
        return self._below(
            root,
            lambda name: (
                name.suffix == ".txt"
                and (name.parts[0] in {"train", "test"} or str(name) == "activity_labels.txt")
            ),
            "'train/Inertial Signals/…_train.txt'",
        )


class EdgeImpulseSource(_FolderSource):
    """An export of Edge Impulse, or a folder of its acquisition files.

    Attributes:
        label: Where labels are from: the list `info.labels`, or what a file's name begins with, up
            to its first point.
    """

    kind: Literal["edge_impulse"]
    label: Literal["info.labels", "file_name"] = "info.labels"

    def names(self, root: Path) -> list[str]:
        """Acquisition files, and the list of labels where labels are from it."""
        return self._below(
            root,
            lambda name: (
                name.suffix in {".json", ".cbor"}
                or (name.name == "info.labels" and self.label == "info.labels")
            ),
            "files that end with .json or .cbor",
        )


class SensimlSource(SourceRecord, Delimited):
    """Captures of SensiML's Data Studio: CSV files beside a list of what is in them.

    Attributes:
        path: The list, which ends with `.dcli` or `.dai`.
        session: Whose segments are taken; not needed where each capture has the same one.
        label: Which of a segment's labels is taken; not needed where there is one.
    """

    kind: Literal["sensiml"]
    path: ProjectPath
    session: Text | None = None
    label: Text | None = None

    @field_validator("path")
    @classmethod
    def _in_a_folder(cls, path: str) -> str:
        if not path.endswith((".dcli", ".dai")) or "/" not in path:
            raise Mistake("a file in a folder of its own that ends with .dcli or .dai")
        return path

    @property
    def folder(self) -> str:
        """Where the captures lie."""
        return self.path.rpartition("/")[0]

    def files(self, root: Path) -> tuple[Path, ...]:
        """The list, and the captures beside it."""
        captures = sorted(
            Path(self.folder, name)
            for name in names_below(root, self.folder)
            if "/" not in name and name.endswith(".csv")
        )
        return (Path(self.path), *captures)


class Annotations(Record):
    """Which annotations of a WFDB record make labels, and of which rows.

    Attributes:
        annotator: What the files' names end with, such as `atr`.
        take: What of an annotation is the label.
        values: Those that are taken; others are passed over. By default all or, where an
            annotation is about the rows around it, the symbols of beats.
        before: Rows before an annotation that it is about; with neither each is about all from
            its own row to the next annotation's.
        after: Rows from an annotation on that it is about.
    """

    annotator: Annotated[str, matching(r"[A-Za-z0-9_]{1,20}", "an ending such as atr")]
    take: Literal["symbol", "aux_note"] = "symbol"
    values: tuple[Text, ...] = ()
    before: Annotated[int, Field(strict=True, ge=0)] | None = None
    after: Count | None = None

    @model_validator(mode="after")
    def _both(self) -> Annotations:
        if (self.before is None) != (self.after is None):
            there, missing = ("before", "after") if self.after is None else ("after", "before")
            raise Mistake(f"the key '{missing}' too", at=(there,))
        return self


class WfdbSource(_FolderSource):
    """Records in the format of PhysioNet.

    Attributes:
        records: Which ones, by their names without an ending; by default all.
        annotations: What makes labels, or None.
    """

    kind: Literal["wfdb"]
    records: tuple[Text, ...] = ()
    annotations: Annotations | None = None

    def names(self, root: Path) -> list[str]:
        """All of the folder: what a record's files are called is said in it."""
        names = self._below(root, lambda _: True, "files that end with .hea")
        if not any(name.endswith(".hea") for name in names):
            raise MlforgeError(f"{self.path}: found no file that ends with .hea")
        return names
