"""How text of rows and cells is written: the keys that every source of CSV files has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlforge_tasks.contract.fields import matching
from mlforge_tasks.records import Record


class Delimited(Record):
    """How a CSV file is written; says nothing about other formats.

    Attributes:
        header: Whether the first line names the columns; if not they are named 0, 1, 2…
        delimiter: What stands between two cells.
    """

    header: bool = Field(default=True, strict=True)
    delimiter: Annotated[str, matching(r'[^"\r\n]', "a single character")] = ","
