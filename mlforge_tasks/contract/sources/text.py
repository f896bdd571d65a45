"""CSV files."""

from __future__ import annotations

from typing import Literal

from mlforge_tasks.contract.delimited import Delimited
from mlforge_tasks.contract.sources.base import FileSource


class CsvSource(FileSource, Delimited):
    """A CSV file of the project, gzipped where its name ends with `.gz`."""

    kind: Literal["csv"]
