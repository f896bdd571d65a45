"""How text of rows and cells is written: the keys that every source of CSV files has."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mlforge_tasks.contract.fields import checked, matching, repeated
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

UTF_8 = "utf-8"
# Python calls other things encodings too: `zip`, `rot13`, `punycode`.
_TEXT_ENCODINGS = re.compile(
    r"ascii|utf-(8|8-sig|16|16-[bl]e|32|32-[bl]e)|cp\d+|iso8859-\d+|mac-\w+|koi8-\w|"
    r"(euc|shift|iso2022)_\w+|gb\w+|big5\w*|hz|johab|tis-620"
)


def _marker(value: object) -> object:
    """`missing: [-9999, -99.9]` needs no quotes."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value


def _encoding(name: str) -> str:
    """Python's own name of it: other names of one encoding change no key."""
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        known = ""
    if not _TEXT_ENCODINGS.fullmatch(known):
        raise Mistake("the name of a text encoding, such as utf-8, utf-16, cp1252 or latin-1")
    return known


class Delimited(Record):
    """How a CSV file is written; says nothing about other formats.

    Attributes:
        header: Whether the first line names the columns; if not they are named 0, 1, 2…
        delimiter: What stands between two cells; a blank is any number of blanks and tabs.
        decimal: What stands before the decimals of a number.
        missing: What cells hold where a value is missing; a number stands for its value however
            it is written.
        skip_rows: Lines above the header that are no part of the table.
        units_row: Whether the row below the header holds units instead of values.
        encoding: How the text is encoded.
    """

    header: bool = Field(default=True, strict=True)
    delimiter: Annotated[str, matching(r'[^"\r\n]', "a single character")] = ","
    decimal: Literal[".", ","] = "."
    missing: tuple[
        Annotated[str, BeforeValidator(_marker), matching(".{0,40}", "at most 40 characters")], ...
    ] = ()
    skip_rows: int = Field(default=0, strict=True, ge=0, le=10_000)
    units_row: bool = Field(default=False, strict=True)
    encoding: Annotated[str, AfterValidator(_encoding)] = UTF_8

    @model_validator(mode="after")
    def _written(self) -> Delimited:
        return checked(self, self._form_mistakes())

    def _form_mistakes(self) -> Iterator[Mistake]:
        yield from repeated("missing", self.missing)
        if self.units_row and not self.header:
            yield Mistake("no row of units where there is no header", at=("units_row",))
