"""Files of the project, and the digest of what was read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.data_card import SourceCard
from mlforge_tasks.datasets._unpack import digest_of, opened, read_file
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from pathlib import Path


class ReadFiles:
    """Reads files, and keeps their digests.

    Args:
        root: The project's root.
        folder: Where they lie; what is said of a file names it by the project.
    """

    def __init__(self, root: Path, folder: str = "") -> None:
        self._root = root
        self._folder = folder
        self._digests: dict[str, str] = {}

    def where(self, name: str) -> str:
        """A file by the project's root, for messages."""
        return f"{self._folder}/{name}" if self._folder else name

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            MlforgeError: It cannot be read, or is too large.
        """
        data = read_file(self._root / self._folder / name, self.where(name))
        self._digests[name] = sha256_bytes(data)
        return data

    def use(self, name: str) -> None:
        """Keeps the digest of a file that a library reads.

        Raises:
            MlforgeError: It cannot be read, or is too large.
        """
        with opened(self._root / self._folder / name, self.where(name)) as stream:
            self._digests[name] = digest_of(stream)

    def card(self, kind: str, name: str, member: str | None = None) -> SourceCard:
        """Where the data came from.

        It has a file's own digest, or of several files that of the canonical JSON of the list of
        their names and digests.

        Args:
            kind: The source's kind.
            name: What the contract names.
            member: What of it, if not all.
        """
        digests = sorted(self._digests.items())
        several = sha256_bytes(canonical_json(digests))
        digest = digests[0][1] if len(digests) == 1 else several
        return SourceCard(kind=kind, name=name, member=member, sha256=digest)
