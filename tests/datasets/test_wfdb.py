"""WFDB records, with what one would guess wrong of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb
from pydantic import ValidationError

from mlforge_tasks import datasets
from mlforge_tasks.contract.sources.recorders import Annotations
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.errors import MlforgeError
from tests.helpers.datasets import FORECAST, spec

SAMPLES = np.arange(24)


def write(folder: Path, name: str, lines: list[str], order: str = "<") -> None:
    """A record of 24 numbers of 16 bits; `lines` are its header."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.hea").write_text("\n".join([*lines, ""]))
    (folder / f"{name}.dat").write_bytes(SAMPLES.astype(f"{order}i2").tobytes())


def signal(name: str, record: str = "a", form: str = "16", gain: str = "1(0)/mV") -> str:
    return f"{record}.dat {form} {gain} 16 0 0 0 0 {name}"


def load(root: Path, *names: str, annotations: Any = None, **source: Any) -> Loaded:
    """The signals of these names, and the label where there are annotations."""
    features = [{"name": name, "unit": "mV"} for name in names]
    plan = spec(
        FORECAST,
        source={"kind": "wfdb", "path": "records", "annotations": annotations, **source},
        inputs={"features": features},
        target={"outputs": [features[0]]},
        group="label" if annotations else "record",
        time={"column": "time", "interval": 1, "tolerance": 0.9},
        split={"rule": "random_group", "validation": 0.2, "test": 0.2, "seed": 1},
    )
    return datasets.load(plan, root)


def test_a_faster_signal_keeps_its_rate(tmp_path: Path) -> None:
    """By default the library averages it down; with a slower one beside it, it is refused."""
    lines = ["a 2 100 8", signal("fast", form="16x2"), signal("slow")]
    write(tmp_path / "records", "a", lines)
    table = load(tmp_path, "fast").table
    assert table.numbers("fast").tolist() == [n for n in range(24) if n % 3 != 2]
    assert table.stamps("time")[:3].tolist() == [0, 0.005, 0.01]
    assert load(tmp_path, "slow").table.numbers("slow").tolist() == list(range(2, 24, 3))
    with pytest.raises(MlforgeError, match=r"different rates: fast 200, slow 100 Hz"):
        load(tmp_path, "fast", "slow")


def test_what_a_moved_signal_lacks_is_missing(tmp_path: Path) -> None:
    """With several samples a frame the library leaves numbers there that were never measured."""
    write(tmp_path / "records", "a", ["a 2 100 12", signal("x"), signal("y", form="16:2")])
    moved = load(tmp_path, "y").table.columns["y"]
    np.testing.assert_array_equal(moved, [*range(5, 24, 2), np.nan, np.nan])
    lines = ["a 2 100 6", signal("x", form="16x2"), signal("y", form="16x2:1")]
    write(tmp_path / "records", "a", lines)
    moved = load(tmp_path, "y").table.columns["y"]
    wanted = [n for n in range(4, 24) if n % 4 > 1]
    np.testing.assert_array_equal(moved, [*wanted, np.nan, np.nan])


def test_a_gain_of_0_is_200_and_no_rate_is_250(tmp_path: Path) -> None:
    """As are signals without a name called by their place."""
    write(tmp_path / "records", "a", ["a 2", "a.dat 16 0", "a.dat 16"])
    table = load(tmp_path, "0", "1").table
    assert table.numbers("1")[:2].tolist() == [1 / 200, 3 / 200]
    assert table.stamps("time")[1] == 1 / 250


def test_format_61_has_the_high_byte_first(tmp_path: Path) -> None:
    """Unlike format 16."""
    write(tmp_path / "records", "a", ["a 1 100 24", signal("x", form="61")], order=">")
    assert load(tmp_path, "x").table.numbers("x").tolist() == SAMPLES.tolist()


def test_a_gap_between_segments_ends_a_recording(tmp_path: Path) -> None:
    """As does a segment that lacks a signal; neighbours are one. Segments are no records."""
    write(tmp_path / "records", "a", ["a 1 100 24", signal("x")])
    write(tmp_path / "records", "b", ["b 1 100 24", signal("z", record="b")])
    lines = ["all/5 1 100 120", "a 24", "a 24", "~ 24", "a 24", "b 24"]
    write(tmp_path / "records", "all", lines)
    table = load(tmp_path, "x").table
    assert table.numbers("x").tolist() == SAMPLES.tolist() * 3
    assert np.flatnonzero(table.starts).tolist() == [0, 48]
    assert table.stamps("time")[48] == 0.72
    assert set(table.texts("record").tolist()) == {"all"}
    assert table.place(50) == "records/all, row 2"


def annotated(root: Path) -> None:
    write(root / "records", "a", ["a 1 100 24", signal("x")])
    wfdb.wrann(
        "a",
        "atr",
        np.array([2, 6, 11, 20, 23]),
        symbol=["+", "N", "~", "V", "N"],
        aux_note=["(AFIB", "", "", "", ""],
        write_dir=str(root / "records"),
    )


def test_beats_are_what_lies_around_them(tmp_path: Path) -> None:
    """Noise and changes of rhythm have symbols too; a beat at the end is counted as left out."""
    annotated(tmp_path)
    found = load(tmp_path, "x", annotations={"annotator": "atr", "before": 1, "after": 2})
    assert found.table.numbers("x").tolist() == [5, 6, 7, 19, 20, 21]
    assert found.table.texts("label").tolist() == ["N"] * 3 + ["V"] * 3
    assert found.table.starts.tolist() == [True, False, False] * 2
    assert found.notes[0] == "records: signals at their own rate of 100 Hz, in mV"
    assert "left out 1 annotations" in found.notes[1]


def test_a_label_goes_on_to_the_next(tmp_path: Path) -> None:
    """Rhythms are in notes, which end with a NUL; what is not taken is passed over."""
    annotated(tmp_path)
    rhythm = {"annotator": "atr", "take": "aux_note"}
    table = load(tmp_path, "x", annotations=rhythm).table
    assert table.texts("label").tolist() == ["(AFIB"] * 22
    table = load(tmp_path, "x", annotations={"annotator": "atr", "values": ["N", "V"]}).table
    assert table.texts("label").tolist() == ["N"] * 14 + ["V"] * 3 + ["N"]
    with pytest.raises(ValidationError):
        Annotations.model_validate({"annotator": "atr", "before": 1})


def test_records_that_differ_are_refused(tmp_path: Path) -> None:
    """In rate or unit, or in that one lacks a signal."""
    write(tmp_path / "records", "a", ["a 1 100 24", signal("x")])
    for line, told in (
        (["b 1 50 24", signal("x", "b")], r"records/b: found 50 Hz and mV, where records/a has"),
        (["b 1 100 24", signal("x", "b", gain="1(0)/uV")], r"records/b: found 100 Hz and uV"),
        (["b 1 100 24", signal("y", "b")], r"records/b: the signal 'x' is not there"),
    ):
        write(tmp_path / "records", "b", line)
        with pytest.raises(MlforgeError, match=told):
            load(tmp_path, "x")
        assert load(tmp_path, "x", records=["a"]).table.rows == 24


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", r"records/a\.hea: not the header of a WFDB record"),
        ("a 1 100 48\n" + signal("x"), r"records/a: not a whole WFDB record"),
        ("a 1 100 24\n" + signal("x", "other"), r"records/a: its file 'other\.dat' is not beside"),
        ("a 1 100 24\n" + signal("y"), r"records/a: there is no signal that the contract names"),
    ],
)
def test_records_that_are_broken(header: str, told: str, tmp_path: Path) -> None:
    """What is missing or broken is named."""
    write(tmp_path / "records", "a", [header])
    with pytest.raises(MlforgeError, match=told):
        load(tmp_path, "x")


def test_annotations_that_are_not_there(tmp_path: Path) -> None:
    """Is told with the file's name."""
    write(tmp_path / "records", "a", ["a 1 100 24", signal("x")])
    with pytest.raises(MlforgeError, match=r"records/a\.qrs: there is no such file"):
        load(tmp_path, "x", annotations={"annotator": "qrs"})
