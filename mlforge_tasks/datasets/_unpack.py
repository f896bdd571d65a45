"""What is packed, unpacked no further than memory allows: a few KiB can say they are terabytes."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

# Far more than what trains a network for a microcontroller; every value takes 8 bytes once read.
MAX_BYTES = 2 << 30
MAX_TOLD = 200


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


def read_file(file: Path, where: str) -> bytes:
    """The content of a project's file.

    Raises:
        MlforgeError: It cannot be read, or is too large.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(min(file.stat().st_size, MAX_BYTES) + 1)
    except OSError as error:
        raise MlforgeError(f"{where}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise too_large(where)
    return data


def gunzip(data: bytes, where: str) -> bytes:
    """The content of a gzip file.

    Raises:
        MlforgeError: It is no whole gzip file, or holds too much.
    """
    with reading(where, "not a whole gzip file"), gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise too_large(where)
    return content


def check_sizes(members: Iterable[zipfile.ZipInfo], where: str) -> None:
    """Refuses members that are too large together.

    `zipfile` reads no more of one than the archive's list says.

    Raises:
        MlforgeError: They are.
    """
    if sum(info.file_size for info in members) > MAX_BYTES:
        raise too_large(where)


def unzip(data: bytes, where: str) -> Mapping[str, bytes]:
    """The members of a `.npz` archive, or of any other zip, by name.

    Raises:
        MlforgeError: It is no whole archive, has a name twice, or holds too much.
    """
    stream = io.BytesIO(data)
    with reading(where, "not a whole .npz archive"), zipfile.ZipFile(stream) as archive:
        infos = archive.infolist()
        check_sizes(infos, where)
        twice = [name for name, count in Counter(archive.namelist()).items() if count > 1]
        if twice:
            raise MlforgeError(f"{where}: the archive holds '{twice[0]}' twice")
        return {info.filename: archive.read(info) for info in infos}
