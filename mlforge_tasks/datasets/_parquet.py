"""Parquet files to a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._extras import library
from mlforge_tasks.datasets._table import Table
from mlforge_tasks.datasets._unpack import MAX_BYTES, reading, too_large
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.datasets._wanted import Wanted

_VALUE_BYTES = 8


def read_parquet(data: bytes, where: str, columns: Wanted | None = None) -> Table:
    """Reads the columns that are wanted; the rows are one recording.

    A column of lists that are all as long becomes an array with an axis more. Numbers that are
    missing are NaN. Codes of a dictionary differ from row group to row group, so values are used.

    Raises:
        MlforgeError: It is no such file, or a column cannot be rows of numbers, times or text.
        ToolError: pyarrow is not installed.
    """
    arrow = library("pyarrow", "parquet", "Parquet files")
    parquet = library("pyarrow.parquet", "parquet", "Parquet files")
    with reading(where, "not a Parquet file"):
        file = parquet.ParquetFile(arrow.BufferReader(data))
        names = tuple(file.schema_arrow.names)
        _check_names(names, where)
        kept = names if columns is None else tuple(columns.kinds(names))
        rows = file.metadata.num_rows
        if _values(file.metadata, kept) * _VALUE_BYTES > MAX_BYTES:
            raise too_large(where)
        if not rows:
            raise MlforgeError(f"{where}: there are no rows")
        read = file.read(columns=list(kept), use_threads=False)
        arrays = {name: _array(arrow, read.column(name), f"{where}: '{name}'") for name in kept}
    starts = np.zeros(rows, dtype=np.bool_)
    starts[0] = True
    return Table(where, arrays, starts, named=names)


def _check_names(names: tuple[str, ...], where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MlforgeError(f"{where}: column '{twice[0]}' is there twice", hint="rename one")


def _values(metadata: Any, kept: tuple[str, ...]) -> int:
    """How many values the kept columns hold by the file's own account, each list's counted."""
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    parts = (group.column(index) for group in groups for index in range(group.num_columns))
    return sum(part.num_values for part in parts if part.path_in_schema.split(".")[0] in kept)


def _array(arrow: Any, column: Any, where: str) -> NDArray[Any]:
    types, kind = arrow.types, column.type
    if isinstance(kind, arrow.BaseExtensionType):
        inside = _array(arrow, _storage(arrow, column), where)
        # Of tensors the storage is flat (https://arrow.apache.org/docs/format/CanonicalExtensions).
        return inside.reshape(len(inside), *getattr(kind, "shape", inside.shape[1:]))
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _lists(arrow, column.combine_chunks(), where)
    if types.is_decimal(kind):
        column = column.cast(arrow.float64())
    if types.is_timestamp(kind):
        # Each is of Coordinated Universal Time already; the zone is how to show it.
        column = column.cast(arrow.timestamp(kind.unit))
    texts = kind in _text_types(arrow)
    if (texts or types.is_boolean(kind)) and column.null_count:
        row = column.is_null().combine_chunks().index(arrow.scalar(True)).as_py()  # noqa: FBT003
        raise MlforgeError(f"{where}, row {row}: found no value, wanted one in every row")
    array: NDArray[Any] = column.to_numpy()
    if array.dtype.kind == "O" and not texts:
        raise MlforgeError(f"{where} holds {kind}, wanted numbers, times or text")
    return array


def _storage(arrow: Any, column: Any) -> Any:
    chunks = [chunk.storage for chunk in column.chunks]
    return arrow.chunked_array(chunks, column.type.storage_type)


def _text_types(arrow: Any) -> tuple[Any, ...]:
    return arrow.string(), arrow.large_string(), arrow.string_view()


def _lists(arrow: Any, column: Any, where: str) -> NDArray[Any]:
    compute = library("pyarrow.compute", "parquet", "Parquet files")
    lengths = set(compute.list_value_length(column).to_pylist())
    if len(lengths) != 1 or None in lengths:
        raise MlforgeError(
            f"{where} holds lists of {len(lengths)} different lengths, wanted one for all rows",
            hint="write a row for each value instead",
        )
    inside = _array(arrow, arrow.chunked_array([column.flatten()]), where)
    return inside.reshape(len(column), lengths.pop(), *inside.shape[1:])
