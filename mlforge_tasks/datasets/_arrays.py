"""Archives of numpy arrays to a table: `.npz`, and `.npy` files that hold a dict.

An object array in a `.npy` file is a pickle, which could run any code. It is read with an
unpickler that can build numpy arrays and plain containers and nothing else.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import sys
import zipfile
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from mlforge_tasks.datasets._own_split import SPLIT, joined, parts_of
from mlforge_tasks.datasets._table import Table, shown
from mlforge_tasks.datasets._unpack import check_sizes, reading
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlforge_tasks.datasets._wanted import Wanted

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_SURROGATES = 0xD800, 0xE000
Column = np.ndarray[Any, Any] | list[np.ndarray[Any, Any]]


def read_npz(data: bytes | BinaryIO, where: str, columns: Wanted | None = None) -> Table:
    """Reads an archive of arrays with one entry per row each; all rows are one recording.

    Where all names say what for they are (`x_train`), a quantity of all splits can be wanted (`x`),
    and `split`.

    Args:
        data: The archive, or a file of it.
        where: Its name, for messages.
        columns: What to keep; by default every array. Of others nothing but names is looked at.

    Raises:
        MlforgeError: It is no such archive, or the arrays hold objects or differ in length.
    """
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    with reading(where, "not a whole .npz archive"), zipfile.ZipFile(stream) as archive:
        members = _members(archive, where)
        names = tuple(members)
        parts = parts_of(names)
        told = tuple(columns.kinds((*parts, SPLIT))) if columns and parts else ()
        if {*told} & {*parts}:
            check_sizes(
                [members[name] for one in told for name in parts.get(one, {}).values()], where
            )
            read = lambda name: _member(archive, members[name], name, where)  # noqa: E731 - its members
            return _of_splits(joined(parts, told, read, where), where)
        kept = names if columns is None else tuple(columns.kinds(names)) or names
        check_sizes([members[name] for name in kept], where)
        arrays = {name: _member(archive, members[name], name, where) for name in kept}
    # Of arrays without a byte, whose lengths can be anything, there is nothing to read.
    lengths = [len(array) if array.ndim and array.nbytes else 0 for array in arrays.values()]
    if len(set(lengths)) != 1 or 0 in lengths:
        found = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        raise MlforgeError(
            f"{where}: found {found or 'no arrays'}; wanted arrays with one entry per row each"
        )
    starts = np.zeros(lengths[0], dtype=np.bool_)
    starts[0] = True
    return Table(where, arrays, starts, named=names)


def _of_splits(arrays: dict[str, NDArray[Any]], where: str) -> Table:
    """Arrays with a split of their own: each row is a recording, of which some may be drawn."""
    rows = len(next(iter(arrays.values())))
    if not rows:
        raise MlforgeError(f"{where}: there are no rows")
    return Table(where, arrays, np.ones(rows, dtype=np.bool_), named=tuple(arrays))


def _members(archive: zipfile.ZipFile, where: str) -> dict[str, zipfile.ZipInfo]:
    """The archive's members by the arrays' names.

    Raises:
        MlforgeError: There are two of a name.
    """
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise MlforgeError(f"{where}: the archive holds '{name}' twice")
        members[name] = info
    return members


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, where: str) -> NDArray[Any]:
    with (
        reading(where, f"not an archive of plain arrays: '{name}'"),
        archive.open(info) as stream,
    ):
        return _read(stream, info.file_size)


def read_array(content: bytes) -> NDArray[Any]:
    """One `.npy` file, whose header is believed only where as many bytes follow as it says.

    Raises:
        Exception: Of many types: it is no such file, or one of objects.
    """
    return _read(io.BytesIO(content), len(content))


def _read(stream: IO[bytes], size: int) -> NDArray[Any]:
    """An array of a file of so many bytes; no more than its header is read of one of objects."""
    shape, by_columns, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which numpy.savez pickles")
    wanted, found = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if min(shape, default=0) < 0 or wanted != found:
        raise ValueError(
            f"its header says {list(shape)} of {dtype}, {wanted} bytes, and {found} follow"
        )
    order: Literal["C", "F"] = "F" if by_columns else "C"
    return _checked(np.ndarray(shape, dtype, buffer=stream.read(), order=order))


def _checked(array: NDArray[Any]) -> NDArray[Any]:
    """The array as it is.

    Raises:
        ValueError: It is of text that is none: Python's text cannot hold it, or UTF-8 cannot.
    """
    if array.dtype.kind == "U":
        codes = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))).view(np.uint32)
        if (
            (codes > sys.maxunicode) | ((codes >= _SURROGATES[0]) & (codes < _SURROGATES[1]))
        ).any():
            raise ValueError("its text holds numbers that are no characters")
    return array


def read_npy(data: bytes, where: str) -> Table:
    """Reads a dict of arrays, with lists of arrays for recordings of different lengths.

    An array with one entry per recording is repeated over that recording's rows. Entries that fit
    neither rows nor recordings (such as lists of names) are left out.

    Raises:
        MlforgeError: It is no such file, or holds anything but arrays and plain containers.
    """
    content = _unpickle(data, where)
    if not isinstance(content, Mapping):
        raise MlforgeError(f"{where}: found {type(content).__name__}, wanted a dict of arrays")
    columns = {str(name): value for name, value in content.items() if _is_column(value)}
    _check_texts(columns, where)
    ragged = {name: column for name, column in columns.items() if isinstance(column, list)}
    lengths = {tuple(len(array) for array in column) for column in ragged.values()}
    if len(lengths) != 1:
        raise MlforgeError(
            f"{where}: found {len(ragged)} lists of recordings of {len(lengths)} different lengths "
            f"among {shown(tuple(columns))}; wanted one length for each recording"
        )
    counts = np.array(lengths.pop())
    rows = int(counts.sum())
    starts = np.zeros(rows, dtype=np.bool_)
    starts[np.cumsum(counts) - counts] = True
    wide = {name: _by_row(name, column, counts, where) for name, column in columns.items()}
    return Table(
        where, {name: column for name, column in wide.items() if len(column) == rows}, starts
    )


def _check_texts(columns: Mapping[str, Column], where: str) -> None:
    for name, column in columns.items():
        try:
            for array in column if isinstance(column, list) else [column]:
                _checked(array)
        except ValueError as error:
            raise MlforgeError(f"{where}: '{name}': {error}") from error


def _is_column(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_array(item) for item in value)
    return _is_array(value)


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.nbytes > 0


def _by_row(name: str, column: Column, counts: NDArray[np.int64], where: str) -> NDArray[Any]:
    if not isinstance(column, list):
        return np.repeat(column, counts, axis=0) if len(column) == len(counts) else column
    shapes = {array.shape[1:] for array in column}
    if len(shapes) != 1:
        raise MlforgeError(f"{where}: the recordings of '{name}' differ in shape: {shapes}")
    return np.concatenate(column)


def _unpickle(data: bytes, where: str) -> Any:
    stream = io.BytesIO(data)
    with reading(where, "not a dict of plain arrays"):
        if np.lib.format.read_magic(stream) != (1, 0):
            raise MlforgeError(f"{where}: found a newer .npy format, wanted 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        if not dtype.hasobject or shape != ():
            raise MlforgeError(f"{where}: found an array {list(shape)} of {dtype}, wanted a dict")
        _check_memo(data[stream.tell() :])
        try:
            return _Unpickler(stream).load().item()
        except MemoryError as error:  # a pickle can ask for any amount of it
            raise ValueError("it asks for more memory than there is") from error


def _check_memo(pickled: bytes) -> None:
    """Refuses an index at which the unpickler would make a table of gigabytes.

    Raises:
        ValueError: There is one, or it is no whole pickle.
    """
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name in {"PUT", "LONG_BINPUT"} and int(argument or 0) > len(pickled):
            raise ValueError("it numbers more values than it can hold")


def _encode(text: str, encoding: str) -> bytes:
    """The one use that pickles of bytes in protocol 2 make of `_codecs.encode`."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"'{encoding}' is not allowed")
    return text.encode("latin1")


# What numpy itself puts in a pickle to build an empty array.
_RECONSTRUCT: Any = np.empty(0).__reduce__()[0]
_ALLOWED: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    """Builds numpy arrays and plain containers; refuses to look up anything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"'{module}.{name}' is not allowed")
        return _ALLOWED[module, name]
