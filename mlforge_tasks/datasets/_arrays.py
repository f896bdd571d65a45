"""Archives of numpy arrays to a table: `.npz`, and `.npy` files that hold a dict.

An object array in a `.npy` file is a pickle, which could run any code. It is read with an
unpickler that can build numpy arrays and plain containers and nothing else.
"""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._table import Table, shown
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Column = np.ndarray[Any, Any] | list[np.ndarray[Any, Any]]


def read_npz(data: bytes, where: str) -> Table:
    """Reads an archive of arrays with one entry per row each; all rows are one recording.

    Raises:
        MlforgeError: It is no such archive, holds objects, or its arrays differ in length.
    """
    arrays = _load_archive(data, where)
    scalar = [name for name, array in arrays.items() if array.ndim == 0]
    lengths = {name: len(array) for name, array in arrays.items() if array.ndim}
    if scalar or len(set(lengths.values())) != 1 or 0 in lengths.values():
        found = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        raise MlforgeError(
            f"{where}: found {found or 'no arrays'}; wanted arrays with one entry per row each"
        )
    starts = np.zeros(next(iter(lengths.values())), dtype=np.bool_)
    starts[0] = True
    return Table(where, arrays, starts)


def _load_archive(data: bytes, where: str) -> dict[str, NDArray[Any]]:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise MlforgeError(f"{where}: not a whole .npz archive")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise MlforgeError(
            f"{where}: not an archive of plain arrays ({error})",
            hint="write it with numpy.savez, without object arrays",
        ) from error


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


def _is_column(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(
            isinstance(item, np.ndarray) and item.ndim and len(item) for item in value
        )
    return isinstance(value, np.ndarray) and value.ndim > 0


def _by_row(name: str, column: Column, counts: NDArray[np.int64], where: str) -> NDArray[Any]:
    if not isinstance(column, list):
        return np.repeat(column, counts, axis=0) if len(column) == len(counts) else column
    shapes = {array.shape[1:] for array in column}
    if len(shapes) != 1:
        raise MlforgeError(f"{where}: the recordings of '{name}' differ in shape: {shapes}")
    return np.concatenate(column)


def _unpickle(data: bytes, where: str) -> Any:
    stream = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise MlforgeError(f"{where}: found a newer .npy format, wanted 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        if not dtype.hasobject or shape != ():
            raise MlforgeError(f"{where}: found an array {list(shape)} of {dtype}, wanted a dict")
        return _Unpickler(stream).load().item()
    except (ValueError, TypeError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise MlforgeError(f"{where}: not a dict of plain arrays ({error})") from error


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
