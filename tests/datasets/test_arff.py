"""ARFF text is read as Weka writes it, and agrees with scipy's reader where that can."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from scipy.io import arff

from mlforge_tasks.datasets._arff import read_arff
from mlforge_tasks.errors import MlforgeError

FLAT = b"""% remark
@RELATION 'a name'
@attribute "first one" real
@attribute second INTEGER
@attribute class{ "Sit down" , Walk }
@DATA
1.5, -2, Walk
?,3,"Sit down"
"""
RELATIONAL = b"""@relation motions
@attribute series relational
  @attribute t0 numeric
  @attribute t1 numeric
  @attribute t2 numeric
@end series
@attribute activity {Standing,Running}
@data
'1,2,3\\n-4,5,6', Standing
"7,8,?\\n9,10,?",Running
"""


def scipys(text: bytes) -> Any:
    """What scipy reads; it lifts the limit on cells of the whole process's `csv`."""
    limit = csv.field_size_limit()
    try:
        return arff.loadarff(io.StringIO(text.decode()))[0]
    finally:
        csv.field_size_limit(limit)


def test_names_in_quotes_and_a_class_without_a_blank() -> None:
    """WISDM's own files have both, and scipy's reader refuses both."""
    table = read_arff(FLAT, "a.arff", None)
    assert tuple(table.columns) == ("first one", "second", "class")
    np.testing.assert_array_equal(table.columns["first one"], [1.5, np.nan])
    assert table.columns["class"].tolist() == ["Walk", "Sit down"]
    assert table.starts.tolist() == [True, False]
    assert table.place(1) == "a.arff:8"
    with pytest.raises(arff.ParseArffError):
        scipys(FLAT)


def test_rows_of_a_relation_are_channels_or_steps() -> None:
    """The UEA archive's rows are channels, and what all of them lack at the end is none."""
    table = read_arff(RELATIONAL, "a.arff", "channels")
    assert table.columns["0"].tolist() == [1, 2, 3, 7, 8]
    assert table.columns["1"].tolist() == [-4, 5, 6, 9, 10]
    assert table.columns["activity"].tolist() == ["Standing"] * 3 + ["Running"] * 2
    assert np.flatnonzero(table.starts).tolist() == [0, 3]
    steps = read_arff(RELATIONAL, "a.arff", "steps")
    assert steps.columns["t1"].tolist() == [2, 5, 8, 10]
    with pytest.raises(MlforgeError, match=r"say `relation_rows: channels`"):
        read_arff(RELATIONAL, "a.arff", None)


def test_it_agrees_with_scipy() -> None:
    """An independent reader finds the same in what both read."""
    text = RELATIONAL.replace(b" Standing\n", b"Standing\n").replace(b'"', b"'")
    theirs = scipys(text)
    ours = read_arff(text, "a.arff", "steps")
    flat = np.concatenate([np.array(series.tolist()) for series in theirs["series"]])
    for index, name in enumerate(("t0", "t1", "t2")):
        np.testing.assert_array_equal(ours.columns[name], flat[:, index])
    labels = ours.columns["activity"][np.flatnonzero(ours.starts)]
    assert labels.tolist() == [label.decode() for label in theirs["activity"]]


@pytest.mark.parametrize(
    ("found", "instead", "told"),
    [
        (b"-2, Walk", b"-2, Walk, 1", r"a\.arff:7: found 4 cells, wanted 3"),
        (b"1.5,", b"l.5,", r"a\.arff:7: found 'l\.5', wanted a number"),
        (b"1.5, -2, Walk", b"{0 1.5}", r"a\.arff:7: found a sparse row"),
        (b'"Sit down"\n', b'"Sit down\n', r"a\.arff:8: found a quote that is not closed"),
        (b" INTEGER", b" int", r"a\.arff:4: found '@attribute second int'"),
        (b"second", b'"first one"', r"a\.arff: found the attribute 'first one' twice"),
        (b"@DATA", b"", r"a\.arff:7: found '1\.5, -2, Walk', wanted @relation"),
        (b"Walk\n", b"\xff\n", r"a\.arff:7: found bytes that are not UTF-8"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(found: bytes, instead: bytes, told: str) -> None:
    """Nothing is dropped silently."""
    with pytest.raises(MlforgeError, match=told):
        read_arff(FLAT.replace(found, instead), "a.arff", None)


def test_relations_that_are_uneven_are_refused() -> None:
    """A relation's row has a number for each of its attributes."""
    text = RELATIONAL.replace(b"-4,5,6", b"-4,5")
    with pytest.raises(MlforgeError, match=r"a\.arff:9: the rows of 'series' do not have 3 numb"):
        read_arff(text, "a.arff", "channels")
    with pytest.raises(MlforgeError, match=r"a\.arff: there are no rows"):
        read_arff(RELATIONAL.partition(b"'1,2")[0], "a.arff", "channels")
