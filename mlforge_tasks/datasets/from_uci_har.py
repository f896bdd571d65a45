"""Recordings laid out as in the "UCI HAR Dataset"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.sources.base import names_below
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._found import Found
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._recordings import Joined
from mlforge_tasks.datasets._uci_har import SPLITS, UciHar, signal_files

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.recorders import UciHarSource
    from mlforge_tasks.datasets._wanted import Wanted


# What each window is.
_SAID = tuple(f"{split}/y_{split}.txt" for split in SPLITS)


class UciHarReader:
    """Reads `kind: uci_har`."""

    def read(self, spec: UciHarSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        files = ReadFiles(root, spec.path)
        found = UciHar(spec.path, spec.names(root), files.read, columns)
        joined = Joined(spec.path, found.said)
        for split in SPLITS:
            joined.add(*found.recordings(split))
        return Loaded(joined.table(), files.card("uci_har", spec.path))

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`; a folder with signals of both splits, or the one above it."""
        if not (root / path).is_dir():
            return None
        names = list(names_below(root, path))
        above = [name.removesuffix(_SAID[0]) for name in names if name.endswith(_SAID[0])]
        for base in above if len(above) == 1 else ():
            here = {name.removeprefix(base) for name in names if name.startswith(base)}
            if here >= {*_SAID} and all(signal_files(here, split) for split in SPLITS):
                return Found({"kind": "uci_har", "path": f"{path}/{base}".rstrip("/")})
        return None


PLUGIN = UciHarReader()
