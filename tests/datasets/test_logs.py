"""Logs without a header: a window a line, and WISDM's raw text with its defects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from mlforge_tasks import datasets
from mlforge_tasks.contract.sources.logs import Layout, WindowLinesSource, WisdmSource
from mlforge_tasks.datasets._window_lines import read_window_lines
from mlforge_tasks.datasets._wisdm import read_wisdm
from mlforge_tasks.errors import MlforgeError
from tests.helpers.datasets import FORECAST, spec

WISDM = b"""33,Jogging,49105962326000,-0.69,12.68,0.50;
33,Jogging,49106062271000,5.0,11.2,0.95;33,Jogging,49106112167000,4.0,10.8,-0.08;
33,Jogging,49106332290000,-1.1,12.1,,;

33,Jogging,49106382290000,-1.1,12.1,7.2
33,Walking,0,0,0,0.0;
19, Sitting, 131623531465000, 8.88, -1.33, 1.61;
19,Sitting,131623000000000,8.88,-1.33,1.61;
"""


def layout(**changes: Any) -> Layout:
    return Layout.model_validate({"channels": 2, "order": "interleaved", **changes})


def test_the_order_of_a_line_is_as_the_contract_says() -> None:
    """NanoEdge's samples are interleaved, Nordic's are channel by channel."""
    text = b"1,10,2,20,3,30\n4,40,5,50,6,60\n"
    table = read_window_lines(text, "a.csv", layout())
    assert table.columns["0"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table.columns["1"].tolist() == [10, 20, 30, 40, 50, 60]
    assert np.flatnonzero(table.starts).tolist() == [0, 3]
    table = read_window_lines(text, "a.csv", layout(order="by_channel"))
    assert table.columns["0"].tolist() == [1, 10, 2, 4, 40, 5]
    assert table.place(3) == "a.csv:2"


def test_a_target_stands_first() -> None:
    """And is no sample; it is in all rows of its window."""
    text = b"7.5;1;10;2;20;\r\n-8;3;30;4;40;\r\n"
    table = read_window_lines(text, "a.csv", layout(target="first", delimiter=";"))
    assert table.columns["target"].tolist() == [7.5, 7.5, -8, -8]
    assert table.columns["1"].tolist() == [10, 20, 30, 40]


def test_blanks_and_decimal_commas() -> None:
    """A serial port's log has blanks, more than one and at the end; a German one has commas."""
    form = layout(delimiter=" ", decimal=",")
    table = read_window_lines(b" 1,5  10\t2 20 \n", "a.txt", form)
    assert table.columns["0"].tolist() == [1.5, 2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"1,2,3\n", r"a\.csv:1: found 3 numbers, wanted a multiple of 2"),
        (b"1,2\n\n1,2,3,4\n", r"a\.csv:3: found 4 numbers, wanted 2 as in line 1"),
        (b"x,y\n1,2\n", r"a\.csv:1: found 'x', wanted numbers with ','"),
        (b"1 2\n", r"a\.csv:1: found '1 2', wanted numbers with ','"),
        (b"\n", r"a\.csv: there are no lines"),
    ],
)
def test_lines_that_are_not_as_stated(text: bytes, told: str) -> None:
    """Each mistake names its line."""
    with pytest.raises(MlforgeError, match=told):
        read_window_lines(text, "a.csv", layout())


def test_a_file_a_class(tmp_path: Path) -> None:
    """Labels are what the contract says of a file; a window is one recording."""
    (tmp_path / "off.csv").write_bytes(b"1,10\n2,20\n")
    (tmp_path / "on.csv").write_bytes(b"3,30\n")
    logs = [{"path": "off.csv", "label": "off"}, {"path": "on.csv", "label": "on"}]
    source = {"kind": "window_lines", "logs": logs, "channels": 2, "order": "interleaved"}
    plan = spec(FORECAST, source=source)
    assert [str(path) for path in plan.source.files(tmp_path)] == ["off.csv", "on.csv"]
    table = datasets.load(plan, tmp_path).table
    assert table.texts("label").tolist() == ["off", "off", "on"]
    assert table.starts.all()
    assert table.place(2) == "on.csv:1"


def test_all_files_say_the_same_of_themselves() -> None:
    """A label for some files alone is a mistake, as is a file that is named twice."""
    base = {"kind": "window_lines", "channels": 1, "order": "interleaved"}
    for logs in (
        [{"path": "a.csv", "label": "off"}, {"path": "b.csv"}],
        [{"path": "a.csv"}, {"path": "a.csv"}],
    ):
        with pytest.raises(ValidationError):
            WindowLinesSource.model_validate({**base, "logs": logs})


def test_defects_of_wisdm_text() -> None:
    """Two records on a line are two; those that lack a cell or a time are counted and left out."""
    found = read_wisdm(WISDM, "raw.txt")
    table = found.table
    assert table.columns["x"].tolist() == [-0.69, 5.0, 4.0, -1.1, 8.88, 8.88]
    assert table.texts("activity").tolist() == ["Jogging"] * 4 + ["Sitting"] * 2
    assert np.diff(table.stamps("time"))[:2].tolist() == [99945000, 49896000]
    # After what was left out, for another user, and where time goes back.
    assert np.flatnonzero(table.starts).tolist() == [0, 3, 4, 5]
    assert table.place(2) == "raw.txt:2"
    assert [str(defect) for defect in found.defects] == [
        "records with another number of cells than 6: 1, the first in line 3",
        "records with the time 0: 1, the first in line 6",
    ]


def test_what_is_left_out_of_wisdm_text_is_noted(tmp_path: Path) -> None:
    """Each kind of defect is a sentence, with the file."""
    (tmp_path / "raw.txt").write_bytes(WISDM)
    source = {"kind": "wisdm", "path": "raw.txt"}
    found = datasets.load(spec(FORECAST, source=source), tmp_path)
    assert len(found.notes) == 2
    assert found.notes[0].startswith("raw.txt: left out records with another number of cells")


def test_a_folder_of_wisdm_text(tmp_path: Path) -> None:
    """The set of 2019 has a file a user; rows and what is left out are told with theirs."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/data_1601.txt").write_bytes(
        b"1601,B,5,4,5,6;\n1601,B,6,,,;\n1601,B,7,4,5,6;\n"
    )
    (tmp_path / "raw/data_1600.txt").write_bytes(b"1600,A,1,1,2,3;\n1600,A,2,1,2,3;\n")
    (tmp_path / "raw/notes.md").write_text("x")
    plan = spec(FORECAST, source={"kind": "wisdm", "folder": "raw"})
    found = datasets.load(plan, tmp_path)
    assert found.table.texts("user").tolist() == ["1600", "1600", "1601", "1601"]
    assert found.table.starts.tolist() == [True, False, True, True]
    assert found.table.place(2) == "raw/data_1601.txt:1"
    assert found.notes[0].startswith("raw/data_1601.txt: left out records with another number")
    for source in ({}, {"path": "a.txt", "folder": "raw"}):
        with pytest.raises(ValidationError):
            WisdmSource.model_validate({"kind": "wisdm", **source})


def test_copies_of_wisdm_text_without_times() -> None:
    """A recording goes on until the user changes, or a record is left out."""
    text = b"1600,A,7.0,-0.5,8.1;\n1600,A,4.9,-0.1;\n1600,B,4.9,-0.1,6.6;\n1601,B,1,2,3;\n"
    found = read_wisdm(text, "a.txt")
    assert list(found.table.columns) == ["user", "activity", "x", "y", "z"]
    assert found.table.columns["z"].tolist() == [8.1, 6.6, 3]
    assert found.table.starts.tolist() == [True, True, True]
    assert [defect.line for defect in found.defects] == [2]


def test_text_that_is_not_wisdm_s() -> None:
    """What has another number of cells is refused, with what is wrong and where."""
    with pytest.raises(MlforgeError, match=r"records with another number of cells than 6: 2, the"):
        read_wisdm(b"1600,A,7.0,-0.5;\n1600,A,4.9,-0.1;\n", "a.txt")
    with pytest.raises(MlforgeError, match=r"records with a cell that is no number: 1, the first"):
        read_wisdm(b"33,Jogging,1e3,1,2,3;", "a.txt")
