"""`.ts` files are read as those of the archives are, and not as one would guess."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlforge_tasks import datasets
from mlforge_tasks.datasets._ts import read_ts
from mlforge_tasks.errors import MlforgeError
from tests.helpers.datasets import SORTING, spec

PLAIN = b"""%# a remark of any encoding: \xe9
# another
@problemName Small
@TimeStamps FALSE
@univariate false
@dimensions 2
@equalLength false
@classLabel true Left right
@data
1,-2:3,4:Left
5,6,7:8,?,9: right
"""
STAMPED = b"""@timeStamps True
@univariate true
@classLabel true 1 2
@data
(2007-01-01 00:00:00,-241.5),(2007-01-01 00:01:00,2):1
(2007-01-01 00:05:00,3),(2007-01-01 00:06:00,-4):2
"""
VALUED = b"""@univariate true
@targetlabel TRUE
@data
1,2:0.5
3,4:?
5,6:-1.5
"""


def test_classes_keep_their_case_and_lengths_differ() -> None:
    """Tags are in any case, labels are not; remarks begin with # or %; ? is missing."""
    table = read_ts(PLAIN, "a.ts").table
    assert table.starts.tolist() == [True, False, True, False, False]
    assert table.columns["class"].tolist() == ["Left"] * 2 + ["right"] * 3
    assert table.columns["0"].tolist() == [1, -2, 5, 6, 7]
    np.testing.assert_array_equal(table.columns["1"], [3, 4, 8, np.nan, 9])
    with pytest.raises(MlforgeError, match=r"^a\.ts:11: column '1': found 'nan'"):
        table.numbers("1")


def test_signs_beside_time_stamps_are_kept() -> None:
    """The colons of a time are none between signals or before a class."""
    table = read_ts(STAMPED, "a.ts").table
    assert table.columns["0"].tolist() == [-241.5, 2, 3, -4]
    assert np.diff(table.stamps("time")).astype(np.int64).tolist() == [60e6, 240e6, 60e6]
    assert table.columns["class"].tolist() == ["1", "1", "2", "2"]


def test_a_recording_without_its_target_is_left_out() -> None:
    """A number to predict is in all rows of its recording."""
    text = read_ts(VALUED, "a.ts")
    assert text.notes == ("a.ts: left out recordings without a target: 1, the first in line 5",)
    table = text.table
    assert table.columns["0"].tolist() == [1, 2, 5, 6]
    assert table.columns["target"].tolist() == [0.5, 0.5, -1.5, -1.5]


@pytest.mark.parametrize(
    ("found", "instead", "told"),
    [
        (b"Left\n", b"left\n", r"a\.ts:10: found the class 'left', wanted one of Left, right"),
        (b"1,-2:3,4", b"1,-2:3", r"a\.ts:10: found signals of 2, 1 values"),
        (b"1,-2:3,4", b"1,-2", r"a\.ts:10: found 1 signals, wanted 2, as the header says"),
        (b"1,-2", b"1,-2O", r"a\.ts:10: found '-2O', wanted a number"),
        (b"@data", b"@date", r"a\.ts:10: found '1,-2:3,4:Left' before @data"),
        (b"FALSE", b"perhaps", r"a\.ts:4: @timestamps: found 'perhaps'"),
        (b"1,-2", b"\xff,-2", r"a\.ts:10: found bytes that are not UTF-8"),
        (b"@dimensions 2\n", b"", r"^$"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(found: bytes, instead: bytes, told: str) -> None:
    """Each mistake names the file and the line; the tag for dimensions may be left out."""
    text = PLAIN.replace(found, instead)
    if told == "^$":
        assert read_ts(text, "a.ts").table.rows == 5
        return
    with pytest.raises(MlforgeError, match=told):
        read_ts(text, "a.ts")


def test_a_file_without_recordings_is_refused() -> None:
    """As is one without any data, or that is no such file."""
    for text in (b"", b"@univariate true\n", b"@univariate true\n@data\n"):
        with pytest.raises(MlforgeError, match=r"a\.ts: (found no line @data|there are no rec)"):
            read_ts(text, "a.ts")


def test_a_pair_of_files_says_its_split(tmp_path: Path) -> None:
    """Rows of both are there, a mistake names the file that it is in, and the card knows both."""
    (tmp_path / "train.ts").write_bytes(PLAIN)
    (tmp_path / "test.ts").write_bytes(PLAIN)
    source = {"kind": "ts", "path": "train.ts", "test_path": "test.ts"}
    found = datasets.load(spec(SORTING, source=source), tmp_path)
    assert found.table.texts("split").tolist() == ["train"] * 5 + ["test"] * 5
    assert np.flatnonzero(found.table.starts).tolist() == [0, 2, 5, 7]
    assert [found.table.place(row) for row in (0, 9)] == ["train.ts:10", "test.ts:11"]
    again = datasets.load(spec(SORTING, source={**source, "test_path": "train.ts"}), tmp_path)
    assert again.card.sha256 != found.card.sha256


def test_a_pair_of_files_with_other_signals_is_refused(tmp_path: Path) -> None:
    """A pair belongs together."""
    (tmp_path / "train.ts").write_bytes(PLAIN)
    (tmp_path / "test.ts").write_bytes(STAMPED)
    source = {"kind": "ts", "path": "train.ts", "test_path": "test.ts"}
    with pytest.raises(MlforgeError, match=r"test\.ts: found the columns time, 0, class, split"):
        datasets.load(spec(SORTING, source=source), tmp_path)
