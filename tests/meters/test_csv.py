"""CSV of any meter: what is read, and every file that is no recording."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.meters import csv as csv_meter
from mlforge_tasks.meters._settings import Csv
from mlforge_tasks.meters.csv import PLUGIN, read

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {
    "time": {"column": "t", "unit": "ms"},
    "current": {"column": "i", "unit": "mA", "full_scale": 50},
    "marker": {"column": "d0"},
}


def settings(**changes: Any) -> Csv:
    """Of a logger with a column of current, at 3 V."""
    given = {"kind": "csv", "name": "logger", "file": "x.csv", "columns": COLUMNS, "voltage": 3.0}
    return Csv.model_validate(given | changes)


def test_current_voltage_and_power(tmp_path: Path) -> None:
    """Units of columns; a header behind lines that say nothing; a last line that is not whole."""
    path = tmp_path / "x.csv"
    path.write_text("# a logger\n\nt,i,u,p,d0\n0,1,2000,5,0\n1,2,2000,6,1\n2,50,2000,7,1\n3,1,2")
    found = read(path, settings())
    assert found.power_w == pytest.approx([3e-3, 6e-3, 0.15])
    assert found.period_s == pytest.approx(1e-3)
    assert list(found.marker) == [False, True, True]
    assert list(found.clipped) == [False, False, True]
    voltage = {"column": "u", "unit": "mV"}
    found = read(path, settings(columns=COLUMNS | {"voltage": voltage}, voltage=None))
    assert found.power_w == pytest.approx([2e-3, 4e-3, 0.1])
    power = {"current": None, "power": {"column": "p", "unit": "uW"}}
    found = read(path, settings(columns=COLUMNS | power, voltage=None))
    assert found.power_w == pytest.approx([5e-6, 6e-6, 7e-6])


def test_decimal_commas_and_what_was_there_before(tmp_path: Path) -> None:
    """Of a file that goes on only what came in the meantime counts; its header is at the top."""
    path = tmp_path / "x.csv"
    before = "\ufefft;i;d0\n0,0;9,9;1\n"
    path.write_text(before + "1,0;0,5;0\n1,5;0,5;1\n")
    found = read(path, settings(delimiter=";"), behind=len(before.encode()))
    assert found.power_w == pytest.approx([1.5e-3, 1.5e-3])
    assert list(found.marker) == [False, True]


FILES = {
    "t,i,d0\n0,1,0\n1,x,0\n": r"x\.csv:3: found 'x' in column 2, no number",
    "t,i,d0\n0,1,0\n1,1\n": r"x\.csv:3: found '' in column 3",
    "t,i,d0\n0,nan,0\n1,1,1\n": r"x\.csv:2: found 'nan'",
    't,i,d0\n0,"1,0\n1,1,0\n2,1,0\n': r"x\.csv:2: found '1,0' in column 2, no number",
    f"t,i,d0\n0,{'9' * 200_000}x,0\n": r"x\.csv:2: found '0,9{58}' in column 1, no number",
    "t,d0\n0,0\n": r"no line with all columns: 'i' is not among 't', 'd0'",
    "t;i;d0\n0;0;0\n": r"'t', 'i', 'd0' are not among 't;i;d0'",
    "t,i,d0\n0,1,0\n": "has 1 samples",
    "": "was not written to",
    "t,i,d0\n0,1,0\n1,1,0\n1,1,0\n": r"x\.csv:4: time does not go up",
    "t,i,d0\n0,1,0\n2,1,0\n1,1,0\n": r"x\.csv:4: time does not go up",
}


@pytest.mark.parametrize("text", FILES)
def test_a_file_that_is_no_recording(tmp_path: Path, text: str) -> None:
    """Told with its line."""
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(ToolError, match=FILES[text]):
        read(path, settings())


def test_a_hole_is_seen(tmp_path: Path) -> None:
    """A step that is longer than the usual one, with its line."""
    path = tmp_path / "x.csv"
    times = [0, 1, 2, 3, 5, 6]
    path.write_text("t,i,d0\n" + "".join(f"{one},1,0\n" for one in times))
    found = read(path, settings())
    assert found.lost == f"{path}:6: a step of 0.002 s, usually 0.001 s"
    assert found.period_s == pytest.approx(1e-3)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Or not written to in the meantime."""
    with PLUGIN.connect(settings(), tmp_path) as meter, meter.record() as recording:
        with pytest.raises(ToolError, match=r"cannot read .*x\.csv"):
            recording.stop()
        (tmp_path / "x.csv").write_text("t,i,d0\n0,1,0\n1,1,0\n")
    with (
        PLUGIN.connect(settings(), tmp_path) as meter,
        meter.record() as recording,
        pytest.raises(ToolError, match="was not written to while"),
    ):
        recording.stop()


def recorder(*words: str) -> Csv:
    """A logger with a program."""
    return settings(command=[sys.executable, "-c", *words], file=None)


def test_a_program_that_ends_by_itself(tmp_path: Path) -> None:
    """With what it said; before it records, and while it does."""
    dies = "import sys; sys.exit('no such meter: ' + sys.argv[1][:1])"
    with (
        PLUGIN.connect(recorder(dies, "{file}"), tmp_path) as meter,
        pytest.raises(ToolError, match="ended by itself with 1\nno such meter: /"),
        meter.record(),
    ):
        pass
    writes = "import signal, sys; open(sys.argv[1], 'w').write('t,i,d0\\n0,1,0\\n1,1,0\\n'); "
    writes += "sys.stdout.close(); signal.pause()"
    with PLUGIN.connect(recorder(writes, "{file}"), tmp_path) as meter, meter.record() as recording:
        assert recording._running is not None
        recording._running.kill()
        recording._running.wait()
        with pytest.raises(ToolError, match="ended by itself with -9"):
            recording.stop()


def test_a_program_that_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the time limit: it is ended."""
    monkeypatch.setattr(csv_meter, "START_LIMIT_S", 0.05)
    with (
        PLUGIN.connect(recorder("import signal; signal.pause()", "{file}"), tmp_path) as meter,
        pytest.raises(ToolError, match="wrote no samples"),
        meter.record(),
    ):
        pass


def test_figures_are_the_same_from_numbers_of_any_length(tmp_path: Path) -> None:
    """A time with many digits, as of a program that counts since 1970."""
    path = tmp_path / "x.csv"
    times = 1.7e12 + np.arange(4) * 0.125
    path.write_text("t,i,d0\n" + "".join(f"{one:.4f},1,0\n" for one in times))
    assert read(path, settings()).period_s == pytest.approx(0.125e-3, rel=1e-3)


def test_a_program_is_looked_for_before(tmp_path: Path) -> None:
    """On PATH, or in a folder beside the map."""
    PLUGIN.require(settings(), tmp_path)
    PLUGIN.require(recorder("pass", "{file}"), tmp_path)
    with pytest.raises(ToolError, match="'no-such-program' was not found"):
        PLUGIN.require(settings(command=["no-such-program"]), tmp_path)
    with pytest.raises(ToolError, match=r"'\./record' was not found"):
        PLUGIN.require(settings(command=["./record"]), tmp_path)
    (tmp_path / "record").write_text("#!/bin/sh")
    (tmp_path / "record").chmod(0o755)
    PLUGIN.require(settings(command=["./record"]), tmp_path)
