"""Parquet columns are the values that they stand for, whatever they are coded as."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlforge_tasks.datasets import _parquet
from mlforge_tasks.datasets._parquet import read_parquet
from mlforge_tasks.datasets._table import Table
from mlforge_tasks.datasets._wanted import Wanted
from mlforge_tasks.errors import MlforgeError


def parquet(*groups: pa.Table) -> bytes:
    """A file of some row groups."""
    stream = io.BytesIO()
    with pq.ParquetWriter(stream, groups[0].schema) as writer:
        for group in groups:
            writer.write_table(group)
    return stream.getvalue()


def of(column: pa.Array, columns: Wanted | None = None) -> Table:
    return read_parquet(parquet(pa.table({"c": column})), "d.parquet", columns)


def test_codes_differ_from_row_group_to_row_group() -> None:
    """The labels are right all the same."""
    groups = [pa.table({"c": pa.array(one).dictionary_encode()}) for one in (["b", "a"], ["a"])]
    table = read_parquet(parquet(*groups), "d.parquet")
    assert table.texts("c").tolist() == ["b", "a", "a"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_are_the_same_in_every_unit_and_zone(unit: str) -> None:
    """Parquet's unit follows how the file was written; a zone is only how to show a time."""
    count = 1_700_000_000 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for zone in (None, "Europe/Berlin"):
        stamps = of(pa.array([count, None], pa.timestamp(unit, zone))).stamps("c")
        assert stamps[0] == np.datetime64("2023-11-14T22:13:20")
        assert np.isnat(stamps[1])


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1, 2], [3, 4]], pa.list_(pa.int16())),
        pa.array([[1, 2], [3, 4]], pa.list_(pa.int16(), 2)),
        pa.array([[1, 2], [3, 4]], pa.large_list(pa.float32())),
        pa.FixedShapeTensorArray.from_numpy_ndarray(np.array([[1.0, 2], [3, 4]])),
    ],
)
def test_lists_of_one_length_are_an_array(column: pa.Array) -> None:
    """Whatever kind of lists they are."""
    assert of(column).numbers("c").tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None], pa.int32()),
        pa.array([1.0, None], pa.float16()),
        pa.array(["1.00", None]).cast(pa.decimal128(5, 2)),
    ],
)
def test_numbers(column: pa.Array) -> None:
    """One that is missing is NaN."""
    first, second = of(column).numbers("c", holes=True).tolist()
    assert (first, np.isnan(second)) == (1, True)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[1, 2], [3]]), "'c' holds lists of 2 different lengths"),
        (pa.array([[1, 2], None]), "'c' holds lists of 2 different lengths"),
        (pa.array(["a", None]), "'c', row 1: found no value"),
        (pa.array(["a", None], pa.string_view()), "'c', row 1: found no value"),
        (pa.array([True, None]), "'c', row 1: found no value"),
        (pa.array([b"a"]), "'c' holds binary, wanted numbers"),
        (pa.array([{"a": 1}]), "'c' holds struct<a: int64>, wanted numbers"),
        (pa.array([1], pa.time64("us")), r"'c' holds time64\[us\], wanted numbers"),
        (pa.array([], pa.int8()), "there are no rows"),
    ],
)
def test_bad_columns(column: pa.Array, message: str) -> None:
    """What rows cannot be made of is told."""
    with pytest.raises(MlforgeError, match=rf"d\.parquet(: |, ){message}"):
        of(column)


def test_what_is_not_wanted_is_not_read() -> None:
    """Neither its kind nor its size matters; its name is known."""
    table = read_parquet(
        parquet(pa.table({"c": [1.0], "note": [b"x"]})), "d.parquet", Wanted(numbers=("c",))
    )
    assert (list(table.columns), table.names) == (["c"], ("c", "note"))


def test_a_file_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that says it holds more than any memory: a few bytes can be repeated for ever."""
    whole = parquet(pa.table({"c": [1.0] * 1000}))
    for data in (b"", b"PAR1", whole[:-20], whole[20:]):
        with pytest.raises(MlforgeError, match=r"d\.parquet: not a Parquet file"):
            read_parquet(data, "d.parquet")
    monkeypatch.setattr(_parquet, "MAX_BYTES", 7999)
    with pytest.raises(MlforgeError, match="holds more than"):
        read_parquet(whole, "d.parquet")


def test_a_name_that_is_there_twice() -> None:
    """Is no name."""
    twice: Any = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["c", "c"])
    with pytest.raises(MlforgeError, match="column 'c' is there twice"):
        read_parquet(parquet(twice), "d.parquet")
