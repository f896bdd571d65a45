"""A folder of recordings, one a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from mlforge_tasks.contract.delimited import Delimited
from mlforge_tasks.contract.fields import (
    Count,
    Name,
    ProjectFolder,
    ProjectPath,
    Text,
    checked,
    matching,
)
from mlforge_tasks.contract.sources.base import SourceRecord, names_below
from mlforge_tasks.contract.sources.file_pattern import PatternText, compiled
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake
from mlforge_tasks.yaml_file.units import Hertz

if TYPE_CHECKING:
    from collections.abc import Iterator

Family = Literal["table", "audio", "images", "arrays"]
# How files of each format are read, by the end of their names in lower case.
FAMILIES: dict[str, Family] = {
    ".csv": "table",
    ".csv.gz": "table",
    ".tsv": "table",
    ".txt": "table",
    ".dat": "table",
    ".log": "table",
    ".parquet": "table",
    ".wav": "audio",
    ".flac": "audio",
    ".png": "images",
    ".jpg": "images",
    ".jpeg": "images",
    ".npy": "arrays",
}
# What is written in files of other kinds too, such as what was said in a recording of sound.
ANY_TEXT = (".txt", ".dat", ".log")


def family_of(name: str) -> Family | None:
    """How a file is read; None where it is of no known format."""
    ends = (family for end, family in FAMILIES.items() if name.lower().endswith(end))
    return next(ends, None)


class Labels(Record):
    """A CSV file that says what recordings, or intervals of them, are.

    Its other columns become columns of the rows.

    Attributes:
        path: The CSV file, with a header.
        file: Its column of paths, relative to the folder.
        start: Its column of where an interval begins; without both, a line is of a whole file.
        end: Its column of where an interval ends, not included.
        unit: What both are in, from the recording's first row on.
        delimiter: What stands between two cells.
        outside: What the other columns say of rows in no interval; without it these are left out.
    """

    path: ProjectPath
    file: Text = "file"
    start: Text = "start"
    end: Text = "end"
    unit: Literal["s", "row"] = "s"
    delimiter: Annotated[str, matching(r'[^"\r\n]', "a single character")] = ","
    outside: Name | None = None


# No camera has longer edges, and one image of more fills a computer's memory.
_Pixels = Annotated[Count, Field(le=16_384)]


def _height_and_width(values: tuple[int, ...]) -> tuple[int, ...]:
    if len(values) != 2:
        raise Mistake("height and width, such as [96, 96]", found=f"{len(values)} numbers")
    return values


class Images(Record):
    """How images become arrays.

    Attributes:
        size: Height and width that each is brought to; without it all must have the same.
        channels: 1 for grey, 3 for red, green and blue; without it all must have as many.
    """

    size: Annotated[tuple[_Pixels, ...], AfterValidator(_height_and_width)] | None = None
    channels: Literal[1, 3] | None = None


class FolderSource(SourceRecord, Delimited):
    """Recordings in a folder of the project, one a file.

    Attributes:
        path: The folder.
        files: Which of its files are recordings, and what columns their paths make.
        labels: What says more of them, or None.
        rate_hz: Rows a second.
        resample: Whether audio of another rate is brought to `rate`, and tables of another step to
            `dataset.time.interval`; else they are refused.
        images: How images become arrays.
    """

    kind: Literal["folder"]
    path: ProjectFolder
    pattern: PatternText = Field(alias="files")
    labels: Labels | None = None
    rate_hz: Hertz | None = Field(default=None, alias="rate")
    resample: bool = Field(default=False, strict=True)
    images: Images = Images()

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> FolderSource:
        return checked(self, self._mistakes((info.context or {}).get("project_root")))

    def _mistakes(self, root: Path | None) -> Iterator[Mistake]:
        family = family_of(self.pattern)
        if family not in {None, "images"} and self.images != Images():
            yield Mistake("no 'images', since the files are none", at=("images",))
        if self.resample and family in {"images", "arrays"}:
            yield Mistake("no 'resample': they have no times", at=("resample",), found="true")
        if self.resample and family == "audio" and self.rate_hz is None:
            yield Mistake("'resample' with 'rate'", at=("resample",), found="true")
        if root is not None:
            yield from self._none_fits(root)

    def _none_fits(self, root: Path) -> Iterator[Mistake]:
        pattern, count, example = compiled(self.pattern), 0, ""
        try:
            for name in names_below(root, self.path):
                if pattern.fits(name):
                    return
                count, example = count + 1, example or f", such as '{name}'"
        except MlforgeError as error:
            yield Mistake("a folder that can be read", at=("path",), found=error.message)
        else:
            found = f"a pattern that none of {count} files has{example}"
            yield Mistake("one that files of the folder have", at=("files",), found=found)

    def recordings(self, root: Path) -> tuple[str, ...]:
        """Names of the recordings, relative to the folder, sorted.

        Raises:
            MlforgeError: There are none, or some of formats that cannot be read together.
        """
        pattern = compiled(self.pattern)
        names = sorted(name for name in names_below(root, self.path) if pattern.fits(name))
        if not names:
            raise MlforgeError(f"{self.path}: no file is like '{self.pattern}'")
        families = {family_of(name): name for name in reversed(names)}
        if None in families:
            raise MlforgeError(
                f"{self.path}/{families[None]}: found a file like '{self.pattern}' that ends with "
                f"none of {', '.join(FAMILIES)}",
                hint="narrow dataset.source.files, such as to '*.wav' at its end",
            )
        if len(families) > 1:
            unlike = " and ".join(f"'{name}'" for name in sorted(families.values())[:2])
            raise MlforgeError(
                f"{self.path}: found {unlike}, wanted files of one kind",
                hint="narrow dataset.source.files",
            )
        return tuple(names)

    def files(self, root: Path) -> tuple[Path, ...]:
        """The recordings, and what says more of them."""
        more = () if self.labels is None else (Path(self.labels.path),)
        return (*(Path(self.path, name) for name in self.recordings(root)), *more)

    @property
    def columns_have_axes(self) -> bool:
        """Whether an image, channels or an array's own axes; the end of the pattern tells."""
        end = self.pattern.lower()
        return family_of(end) != "table" or end.endswith(".parquet")
