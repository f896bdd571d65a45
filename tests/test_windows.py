"""Examples are windows of rows that lie in memory, or on the disk, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks import windows
from mlforge_tasks.windows import Windows

if TYPE_CHECKING:
    from pathlib import Path


@given(
    length=st.one_of(st.none(), st.integers(1, 5)),
    starts=st.lists(st.integers(0, 15), min_size=1, max_size=30),
    size=st.integers(1, 40),
)
def test_an_example_is_the_rows_from_its_start(
    length: int | None, starts: list[int], size: int
) -> None:
    """However they are asked for: some, all, or a batch at a time, in their order."""
    rows = np.arange(20 * 6.0).reshape(20, 2, 3)
    found = Windows(rows, np.array(starts), length)
    wanted = np.array([rows[at] if length is None else rows[at : at + length] for at in starts])
    assert found.shape == wanted.shape[1:]
    assert len(found) == len(starts)
    np.testing.assert_array_equal(found[:], wanted)
    np.testing.assert_array_equal(found[np.array([0, -1])], wanted[[0, -1]])
    batches = list(found.batches(size))
    assert all(batch.flags.c_contiguous for batch in batches)
    assert {len(batch) for batch in batches[:-1]} <= {size}
    np.testing.assert_array_equal(np.concatenate(batches), wanted)


@given(
    length=st.one_of(st.none(), st.integers(1, 5)), starts=st.lists(st.integers(0, 5), min_size=1)
)
def test_examples_are_given_in_the_order_of_a_model(length: int | None, starts: list[int]) -> None:
    """The last axis first, and with axes of size 1, however they are asked for and changed."""
    plain = Windows(np.arange(10 * 6.0).reshape(10, 2, 3), np.array(starts), length)
    form = (1, 3, *plain.shape[:-1])
    found = plain.given(form, channels_first=True)
    wanted = np.moveaxis(plain[:], -1, 1).reshape(-1, *form)
    assert found.shape == form
    np.testing.assert_array_equal(found[:], wanted)
    np.testing.assert_array_equal(np.concatenate(list(found.batches(2))), wanted)
    np.testing.assert_array_equal(found.changed(lambda part: -part)[:], -wanted)
    np.testing.assert_array_equal(found.used(), plain.used())


def test_rows_are_changed_once_each() -> None:
    """What is done to rows is done to every example that has them, in parts that fit memory."""
    rows = np.arange(150_000.0).reshape(-1, 1)
    found = Windows(rows, np.array([0, 1, 149_998]), 2).changed(
        lambda part: (part * 2).astype("<f4")
    )
    assert found[:].tolist() == [[[0], [2]], [[2], [4]], [[299_996], [299_998]]]
    assert found.rows.dtype == np.float32


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Rows come from the disk as they are used: they are mapped, not read."""
    Windows(np.arange(10.0).reshape(5, 2), np.array([2, 0])).write(tmp_path, "test")
    found = windows.read(tmp_path, "test", 3)
    assert found[:].tolist() == [[[4, 5], [6, 7], [8, 9]], [[0, 1], [2, 3], [4, 5]]]
    assert isinstance(found.rows.base, np.memmap)


@given(
    starts=st.lists(st.integers(0, 30), max_size=10, unique=True),
    span=st.integers(1, 8),
)
def test_covered(starts: list[int], span: int) -> None:
    """A row is covered where a span that begins at a start holds it."""
    rows = 40
    wanted = {row for start in starts for row in range(start, start + span)}
    found = windows.covered(np.array(starts, dtype=np.int64), rows, span)
    assert set(np.flatnonzero(found).tolist()) == {row for row in wanted if row < rows}


def test_streams_are_told_with_their_examples(tmp_path: Path) -> None:
    """Where they begin is written and read with them, and comes batch by batch as they do."""
    anew = np.arange(7) % 3 == 0
    found = Windows(np.arange(20.0), np.arange(7), 2, anew=anew)
    found.write(tmp_path, "test")
    again = windows.read(tmp_path, "test", 2)
    assert again.anew is not None
    assert again.anew.tolist() == anew.tolist()
    assert [part.tolist() for part in again.begun(4) if part is not None] == [
        anew[:4].tolist(),
        anew[4:].tolist(),
    ]
    assert list(Windows(found.rows, found.starts, 2).begun(4)) == [None, None]
