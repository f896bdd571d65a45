"""Records that notice when their file is no longer what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from mlforge_tasks.graph.files import CorruptError, read_own
from mlforge_tasks.records import Record, sha256_bytes

if TYPE_CHECKING:
    from pathlib import Path


def _seal(rest: bytes) -> bytes:
    """The start of a sealed record: its first key, the sha256 of the record without it."""
    return b'{"checksum":"%s",' % sha256_bytes(rest).encode()


_SEAL_BYTES = len(_seal(b""))


class Sealed(Record):
    """A record whose JSON begins with the sha256 of the rest, to the byte.

    It tells what rotted and what was edited, not what somebody made who knows how: who may write to
    the store may write anything there.
    """

    def to_bytes(self) -> bytes:
        """The canonical JSON form, after its `checksum`."""
        rest = super().to_bytes()
        return _seal(rest) + rest[1:]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """A record from what `write` put into a file.

        Raises:
            ValueError: That is not what the data is.
        """
        rest = b"{" + data[_SEAL_BYTES:-1]
        if data[:_SEAL_BYTES] != _seal(rest) or data[-1:] != b"\n":
            raise CorruptError("the checksum does not hold")
        return cls.model_validate_json(rest, by_name=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a record back.

        Raises:
            OSError: No regular file that can be read lies there.
            ValueError: The file is not such a record, or no longer what was written.
        """
        return cls.parse(read_own(path))
