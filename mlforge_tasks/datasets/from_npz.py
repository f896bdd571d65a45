"""Rows of an archive of numpy arrays of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.data_card import SourceCard
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._arrays import read_npz
from mlforge_tasks.datasets._found import Found
from mlforge_tasks.datasets._unpack import digest_of, opened

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.arrays import NpzSource
    from mlforge_tasks.datasets._wanted import Wanted


class NpzReader:
    """Reads `kind: npz`."""

    def read(self, spec: NpzSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        with opened(root / spec.path, spec.path) as stream:
            digest = digest_of(stream)
            card = SourceCard(kind="npz", name=spec.path, member=None, sha256=digest)
            return Loaded(read_npz(stream, spec.path, columns), card)

    def recognise(self, path: str, root: Path) -> Found | None:  # noqa: ARG002 - by its name
        """See `_look`."""
        return Found({"kind": "npz", "path": path}) if path.lower().endswith(".npz") else None


PLUGIN = NpzReader()
