"""What is packed, unpacked no further than memory allows: a few KiB can say they are terabytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Far more than what trains a network for a microcontroller; every value takes 8 bytes once read.
MAX_BYTES = 2 << 30
MAX_TOLD = 200
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
# A file of one line that is longer is no table; a recording laid across is refused by its cells.
_MAX_LINE = 8 << 20
# How much more than it takes a gzip file may hold, and from what size on that is looked at.
_MOST_GROWTH = 200
_FREE_BYTES = 16 << 20


@contextmanager
def reading(where: str, otherwise: str) -> Iterator[None]:
    """Turns whatever a library raises for a broken file into one error.

    Which types `zipfile`, `gzip` and numpy raise for a file that is cut or changed is not defined,
    and there are many (IndexError, for a member without a name).

    Args:
        where: The file.
        otherwise: What the file is not.

    Raises:
        MlforgeError: As it is, or of the broken file.
        MemoryError: As it is: that says nothing about the file.
    """
    try:
        yield
    except (MlforgeError, MemoryError):
        raise
    except Exception as error:
        told = (" ".join(str(error).split()) or type(error).__name__)[:MAX_TOLD]
        raise MlforgeError(f"{where}: {otherwise} ({told})") from error


def too_large(where: str) -> MlforgeError:
    """The error of a file that holds more than `MAX_BYTES`."""
    return MlforgeError(
        f"{where}: holds more than {MAX_BYTES >> 30} GiB",
        hint="leave rows or columns out that the contract does not need",
    )


@contextmanager
def opened(file: Path, where: str) -> Iterator[BinaryIO]:
    """A project's file, open to be read.

    Raises:
        MlforgeError: It cannot be read, is too large, or was not fetched (Git LFS).
    """
    try:
        with file.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size > MAX_BYTES:
                raise too_large(where)
            if stream.read(len(_LFS_POINTER)) == _LFS_POINTER:
                raise MlforgeError(
                    f"{where}: this is Git LFS's note of where the file is, and not the file",
                    hint="fetch it with `git lfs pull`",
                )
            stream.seek(0)
            yield stream
    except OSError as error:
        raise MlforgeError(f"{where}: cannot be read ({error.strerror})") from error


def digest_of(stream: BinaryIO) -> str:
    """sha256 of a file from its start, of which a part is in memory at a time."""
    digest = hashlib.sha256()
    stream.seek(0)
    while block := stream.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def read_file(file: Path, where: str) -> bytes:
    """The content of a project's file.

    Raises:
        MlforgeError: It cannot be read, or is too large.
    """
    with opened(file, where) as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise too_large(where)
    return data


class _Limited(io.RawIOBase):
    """What a file holds, gunzipped or as it is, up to a limit; leaves the file open.

    A line repeated for ever packs to a thousandth, measured data to a tenth: what grows too much
    is refused long before it fills anything.
    """

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._where = where
        self._gzipped = where.lower().endswith(".gz")
        self._packed = stream
        stream.seek(0)
        self._stream: BinaryIO | gzip.GzipFile = (
            gzip.GzipFile(fileobj=stream, mode="rb") if self._gzipped else stream
        )
        self._read = self._unbroken = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As Python's own streams.

        Raises:
            MlforgeError: It is no whole gzip file, or holds too much.
        """
        with reading(self._where, "not a whole gzip file" if self._gzipped else "cannot be read"):
            data = self._stream.read(min(len(buffer), MAX_BYTES + 1))
        buffer[: len(data)] = data
        self._read += len(data)
        if self._read > MAX_BYTES:
            raise too_large(self._where)
        if self._gzipped and self._read > max(_FREE_BYTES, _MOST_GROWTH * self._packed.tell()):
            raise MlforgeError(
                f"{self._where}: unpacks to more than {_MOST_GROWTH} times its size, which no "
                "measured data does",
                hint="unpack it and give the file itself, if it is right",
            )
        self._watch_lines(data)
        return len(data)

    def _watch_lines(self, data: bytes) -> None:
        """Refuses text that has no line breaks, which would be read to its end as one line."""
        last = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self._unbroken = self._unbroken + len(data) if last < 0 else len(data) - last
        if self._unbroken > _MAX_LINE:
            raise MlforgeError(
                f"{self._where}: found a line of more than {_MAX_LINE:,} bytes",
                hint="give each moment a row of its own; check that this is CSV text",
            )


def unpacked(stream: BinaryIO, where: str) -> io.BufferedReader:
    """The content of a file from its start, gunzipped where `where` ends with `.gz`.

    Reading raises MlforgeError where it is no whole gzip file, or holds too much. The file stays
    open.
    """
    return io.BufferedReader(_Limited(stream, where), 1 << 18)


def check_sizes(members: Iterable[zipfile.ZipInfo], where: str) -> None:
    """Refuses members that are too large together.

    `zipfile` reads no more of one than the archive's list says.

    Raises:
        MlforgeError: They are.
    """
    if sum(info.file_size for info in members) > MAX_BYTES:
        raise too_large(where)
