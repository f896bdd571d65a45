"""Files of arrays."""

from __future__ import annotations

from typing import Literal

from mlforge_tasks.contract.sources.base import FileSource


class NpzSource(FileSource):
    """An archive of numpy arrays of the project; pickled objects are refused."""

    kind: Literal["npz"]

    @property
    def columns_have_axes(self) -> bool:
        """As arrays may."""
        return True
