"""Rows of a CSV file of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.data_card import SourceCard
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._delimited import read_stream
from mlforge_tasks.datasets._found import Found
from mlforge_tasks.datasets._sniff import text_form, units_of
from mlforge_tasks.datasets._unpack import digest_of, opened

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.text import CsvSource
    from mlforge_tasks.datasets._wanted import Wanted


# What loggers call a table of text.
_ENDINGS = (".csv", ".csv.gz", ".tsv", ".txt", ".dat", ".log")


class CsvReader:
    """Reads `kind: csv`."""

    def read(self, spec: CsvSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        with opened(root / spec.path, spec.path) as stream:
            digest = digest_of(stream)
            card = SourceCard(kind="csv", name=spec.path, member=None, sha256=digest)
            return Loaded(read_stream(stream, spec.path, spec, columns), card)

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`."""
        if not path.lower().endswith(_ENDINGS):
            return None
        form = text_form(root / path, path)
        said = units_of(root / path, path, form)
        return Found({"kind": "csv", "path": path, **form}, quantities=said, general=True)


PLUGIN = CsvReader()
