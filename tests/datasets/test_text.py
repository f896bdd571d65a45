"""CSV text as it is found: read as the contract says, and told once where it is otherwise."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from typing import Any

import numpy as np
import pytest

from mlforge_tasks.contract.sources.text import CsvSource
from mlforge_tasks.datasets import _cells, _delimited, _unpack
from mlforge_tasks.datasets._delimited import read_csv
from mlforge_tasks.datasets._wanted import Wanted
from mlforge_tasks.errors import MlforgeError

TEMP = Wanted(numbers=("temp", "press"))


def form(**keys: Any) -> CsvSource:
    return CsvSource.model_validate({"kind": "csv", "path": "d.csv", **keys})


def refused(text: str | bytes, **keys: Any) -> str:
    """What is said of a text."""
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(MlforgeError) as caught:
        read_csv(data, "d.csv", form(**keys), TEMP)
    return str(caught.value)


def test_decimal_commas() -> None:
    """They are told once, with their count and the key that reads them; with it they are read."""
    text = "time;temp;press\n" + "".join(f"{i};{i},5;-0,25\n" for i in range(300))
    told = refused(text, delimiter=";")
    assert told == (
        "d.csv:2: columns 'temp', 'press': found '0,5', wanted a number with a decimal point, in "
        '600 cells\nThings to try: say `decimal: ","` in dataset.source'
    )
    table = read_csv(text.encode(), "d.csv", form(delimiter=";", decimal=","), TEMP)
    assert table.numbers("temp").tolist() == [i + 0.5 for i in range(300)]
    assert (table.numbers("press") == -0.25).all()


def test_so_many_mistakes_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of millions of them is not read to its end to tell what one of them tells."""
    monkeypatch.setattr(_delimited, "_BLOCK_CELLS", 2000)
    monkeypatch.setattr(_cells, "_MOST_COUNTED", 1500)
    told = refused("temp;press\n" + "0,5;1\n" * 10_000, delimiter=";").splitlines()
    assert told[0].endswith("wanted a number with a decimal point, in 2,000 cells")
    assert told[1] == "d.csv:2001: the rest was not read, after so many"


def test_a_point_beside_decimal_commas_is_no_number() -> None:
    """1.234 would be one thousand to who wrote it; it is told, not taken for one and a bit."""
    text = "temp;press\n0,5;1.234\n"
    assert "column 'press': found '1.234', wanted a number with a decimal comma" in refused(
        text, delimiter=";", decimal=","
    )


def test_missing_cells() -> None:
    """What stands for no value is told with the list that reads it, and becomes NaN with it."""
    text = "temp,press\n1,2\nNA,2\n1,\nNA,-9999.0\n"
    told = refused(text)
    assert told.startswith(
        "d.csv:3: columns 'temp', 'press': found 'NA', wanted a number, in 3 cells\n"
    )
    assert '`missing: [NA, ""]`' in told
    table = read_csv(text.encode(), "d.csv", form(missing=["NA", "", -9999]), TEMP)
    assert np.isnan(table.numbers("temp", holes=True)).tolist() == [False, True, False, True]
    assert np.isnan(table.numbers("press", holes=True)).tolist() == [False, False, True, True]


def test_what_is_missing_is_not_infinite() -> None:
    """Numbers that no device has stay errors, whatever counts as missing."""
    assert "found 'inf', wanted a number" in refused("temp,press\n1,NA\n2,inf\n", missing=["NA"])


def test_row_of_units() -> None:
    """It is told as that, and skipped where the contract says so."""
    text = "temp,press\ndegC,kPa\n" + "1,2\n" * 9
    told = refused(text)
    assert told.startswith("d.csv:2: columns 'temp', 'press': found 'degC', wanted a number, in 2")
    assert "units_row: true" in told
    assert read_csv(text.encode(), "d.csv", form(units_row=True), TEMP).rows == 9


def test_a_column_of_text_has_no_row_of_units() -> None:
    """Where no row is a number the first is as wrong as the others."""
    told = refused("temp,press\nlow,1\nhigh,2\n")
    assert told.startswith("d.csv:2: column 'temp': found 'low', wanted a number, in 2 cells\n")
    assert "units_row" not in told


def test_lines_above_the_header() -> None:
    """The line that names the columns is found and told; lines keep their numbers in the file."""
    text = "# logger 7\nstation;Ulm\n\ntemp;press\n1;2\n3;x\n"
    told = refused(text)
    assert "d.csv:1: found '# logger 7', wanted the names of the columns, which line 4 has" in told
    assert 'say `skip_rows: 3` and `delimiter: ";"` in dataset.source' in told
    assert "d.csv:6: column 'press': found 'x'" in refused(text, skip_rows=3, delimiter=";")


def test_another_delimiter_is_told() -> None:
    """One column that is named as all of them together is the delimiter's mistake."""
    assert 'say `delimiter: "\\t"`' in refused("temp\tpress\n1\t2\n")


def test_each_kind_of_mistake_is_told_once() -> None:
    """Several kinds are several lines, each with its place."""
    told = refused("temp;press\n°C;kPa\n0,5;1\nNaN;2\n1;oops\n", delimiter=";")
    message, _, hint = told.partition("\nThings to try: ")
    assert [line.partition(": col")[0] for line in message.splitlines()] == [
        "d.csv:2",
        "d.csv:3",
        "d.csv:4",
        "d.csv:5",
    ]
    assert len(hint.split("; ")) == 4


def test_any_number_of_blanks() -> None:
    """Columns set out with blanks and tabs have no empty cells."""
    text = "  temp press\n  1.5   2\n10.25\t-3  \n\n"
    table = read_csv(text.encode(), "d.txt", form(delimiter=" "), TEMP)
    assert (table.numbers("temp").tolist(), table.numbers("press").tolist()) == (
        [1.5, 10.25],
        [2, -3],
    )
    assert [table.place(row) for row in range(table.rows)] == ["d.txt:2", "d.txt:3"]


def test_columns_without_a_name_have_their_place() -> None:
    """An index that pandas wrote, and what a spreadsheet leaves at the ends of lines."""
    table = read_csv(b",temp,,\n2026-01-05,1,,\n2026-01-06,2,,\n", "d.csv", form())
    assert table.names == ("0", "temp", "2", "3")
    assert table.texts("0").tolist() == ["2026-01-05", "2026-01-06"]


def test_rows_of_other_lengths() -> None:
    """They are counted; empty cells past the last column are none."""
    told = refused("temp,press\n1,2\n1\n1,2,3\n1,2,,\n")
    assert "d.csv:3: found 1 cells, wanted 2; 2 rows have another number" in told
    told = refused("temp,press\n1,2\n1")
    assert "d.csv:3: found 1 cells, wanted 2\nThings to try: the file ends within a row" in told


def test_columns_that_are_not_wanted_may_be_anything() -> None:
    """Two columns of one name that nobody asks for are no mistake."""
    text = b"note,note,,temp,press,\nx,y,,1,2,\n"
    assert read_csv(text, "d.csv", form(), TEMP).numbers("temp").tolist() == [1]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("temp,press\n1,2\n1,°\n".encode("cp1252"), "d.csv:3: found bytes that are not UTF-8"),
        ("Temp °C\n1\n".encode("cp1252"), "encoding: cp1252` in dataset.source if 'Temp °C' is"),
        ("temp,press\n1,2\n".encode("utf-16"), "found text in UTF-16"),
        ("temp,press\n1,2\n".encode("utf-16"), "say `encoding: utf-16`"),
    ],
)
def test_another_encoding_is_told(data: bytes, told: str) -> None:
    """With its line, and what it likely is."""
    assert told in refused(data)


def test_utf_16_without_its_mark_is_told() -> None:
    """Which of its two orders it is has to be said."""
    told = refused("temp,press\n1,2\n".encode("utf-16-le"), encoding="utf-16")
    assert told.startswith("d.csv: found bytes that are not UTF-16 (UTF-16 stream does not start")
    assert read_csv("temp,press\n1,2\n".encode("utf-16-le"), "d.csv", form(encoding="utf-16-le"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252", "latin-1"])
def test_encodings(encoding: str) -> None:
    """Text is read in the encoding that the contract names."""
    data = "temp,press,Größe\n1,2,°\n".encode(encoding)
    wanted = Wanted(texts=("Größe",))
    assert (
        read_csv(data, "d.csv", form(encoding=encoding), wanted).texts("Größe").tolist()[0] == "°"
    )


def test_blocks_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are read some at a time give what one block gives, and the same mistakes."""
    rows = [f"{i},{i / 8},{'NA' if i % 7 == 0 else i},k{i % 3}" for i in range(100)]
    rows[50] = '"a cell\r\nof two lines",1,2,k1\n'
    text = "\n".join(["at,temp,press,kind", *rows])
    wanted = Wanted(numbers=("temp", "press"), texts=("kind",))
    whole = read_csv(text.encode(), "d.csv", form(missing=["NA"]), wanted)
    monkeypatch.setattr(_delimited, "_BLOCK_CELLS", 28)
    parts = read_csv(text.encode(), "d.csv", form(missing=["NA"]), wanted)
    assert whole.columns.keys() == parts.columns.keys()
    for name in ("temp", "press"):
        assert whole.columns[name].tobytes() == parts.columns[name].tobytes()
    assert whole.texts("kind").tolist() == parts.texts("kind").tolist()
    assert whole.lines is not None
    assert parts.lines is not None
    assert (
        whole.lines.tolist()
        == parts.lines.tolist()
        == [*range(2, 52), *range(53, 54), *range(55, 104)]
    )
    with pytest.raises(MlforgeError, match=r"d\.csv:2: column 'press': found 'NA', .* in 15 cells"):
        read_csv(text.encode(), "d.csv", form(), wanted)


def test_memory_is_that_of_the_numbers() -> None:
    """Text is let go a block at a time: at the peak two of the columns' numbers, and a block."""
    rows = 60_000
    text = b"at,temp,press,note\n" + b"12,0.12345678901234,98765.4321,some words of it\n" * rows
    tracemalloc.start()
    read_csv(text, "d.csv", form(), TEMP)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * rows * 2 * 8 + (48 << 20)


def test_a_recording_laid_across_is_refused() -> None:
    """A header of 300,000 cells is no table, and is told before any row is read."""
    text = ",".join(map(str, range(300_000))) + "\n" + "1," * 300_000
    assert "d.csv:1: found 300,000 cells in a row, wanted at most 65,536" in refused(text)


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds no line breaks is not read to its end."""
    monkeypatch.setattr(_unpack, "_MAX_LINE", 1 << 20)
    assert "d.csv: found a line of more than 1,048,576 bytes" in refused("temp\n" + "1" * (2 << 20))


def test_a_gzip_bomb_is_refused_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """What packs to a thousandth is no measurement; of it no more is unpacked than is free."""
    monkeypatch.setattr(_unpack, "_FREE_BYTES", 100_000)
    bomb = gzip.compress(b"temp,press\n" + b"1,2\n" * 1_000_000)
    with pytest.raises(MlforgeError, match="unpacks to more than 200 times its size"):
        read_csv(bomb, "d.csv.gz", form(), TEMP)
    stream = _unpack.unpacked(io.BytesIO(bomb), "d.csv.gz")
    with pytest.raises(MlforgeError):
        stream.read()
