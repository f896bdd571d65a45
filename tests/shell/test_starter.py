"""`doit new`: what is in a file or folder becomes a contract that can be read, checked and run."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import soundfile

from mlforge_tasks import datasets
from mlforge_tasks.contract import loader
from mlforge_tasks.contract.board import board_names, load_board
from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.contract.sources.file_pattern import compiled
from mlforge_tasks.datasets._look import look
from mlforge_tasks.datasets._name_parts import pattern_of
from mlforge_tasks.datasets._prepare import prepare
from mlforge_tasks.datasets._sniff import text_form
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.shell import starter
from tests.helpers.builds import doit
from tests.helpers.paths import ROOT

TANK = "tests/data/tank.csv"


def starts(root: Path, path: str, board: str = "mps2/an385") -> Contract:
    """A contract of a file, read back."""
    contract = root / "new.yaml"
    contract.write_text(starter.contract_text("new", look(path, root), load_board(board)))
    return loader.load(contract, root)


def rows(header: str, *columns: np.ndarray[Any, Any]) -> str:
    lines = (",".join(str(one) for one in row) for row in zip(*columns, strict=True))
    return "\n".join((header, *lines)) + "\n"


TIME = np.arange(200)
WAVE = np.round(np.sin(TIME / 9), 4)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a,b\n1,2\n3,4\n", {}),
        ("a;b\n1,5;2\n3,25;4\n", {"delimiter": ";", "decimal": ","}),
        ("a\tb\n1.5\t2\n", {"delimiter": "\t"}),
        ("made by us\na,b\n1,2\n3,4\n", {"skip_rows": 1}),
        ("a,b\nm,s\n1,2\n3,4\n", {"units_row": True}),
        ("1,2\n3,4\n", {"header": False}),
        ("1 2.5\n 3  4\n5\t6 \n", {"delimiter": " ", "header": False}),
        ("# 50 Hz\n1\n2\n3\n", {"skip_rows": 1, "header": False}),
        ("# 50 Hz\n# x\ty\n1\t2\n3\t4\n", {"delimiter": "\t", "skip_rows": 1}),
        ("1700000000.0, 1700000000.0\n32, 32\n1,2\n3,4\n", {"skip_rows": 2, "header": False}),
        ("made by us\n\na,b\n1,2\n3,4\n", {"skip_rows": 2}),
        ("a,b\n1,NA\n2,5\n3,6\n4,\n5,7\n", {"missing": ["", "NA"]}),
    ],
    ids=[
        *("plain", "decimal comma", "tabs", "a line above", "units", "no header", "blanks"),
        *("a remark", "names in a remark", "a start and a rate", "a blank line", "missing"),
    ],
)
def test_how_text_is_written_is_found(tmp_path: Path, text: str, form: dict[str, Any]) -> None:
    """What is not as by default stands in the contract, and no more."""
    (tmp_path / "x.csv").write_text(text)
    assert text_form(tmp_path / "x.csv", "x.csv") == form
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert text_form(tmp_path / "x.csv.gz", "x.csv.gz") == form


def test_a_row_of_units_is_what_the_quantities_are_in(tmp_path: Path) -> None:
    """Of a file and of a folder's; brackets are none of it, and an empty cell says nothing."""
    lines = rows("flow,temp,level", WAVE.repeat(5), WAVE.repeat(5) ** 2, WAVE.repeat(5) * 3)
    head, _, body = lines.partition("\n")
    (tmp_path / "d").mkdir()
    for name in ("x.csv", "d/1.csv", "d/2.csv"):
        (tmp_path / name).write_text(f"{head}\n [l/min],degC,\n{body}")
    for data in ("x.csv", "d"):
        made = starts(tmp_path, data)
        quantities = (*made.dataset.inputs.features, *made.dataset.target.outputs)
        said = {one.name: one.unit for one in quantities}
        assert said == {"flow": "l/min", "temp": "degC", "level": "1"}


def test_encodings_are_found(tmp_path: Path) -> None:
    """Those that a spreadsheet saves."""
    text = "t,Größe\n1,2\n3,4\n"
    for encoding, found in (("utf-8", None), ("utf-16", "utf-16"), ("cp1252", "cp1252")):
        (tmp_path / "x.csv").write_bytes(text.encode(encoding))
        assert text_form(tmp_path / "x.csv", "x.csv").get("encoding") == found


def test_encodings_of_long_files_are_found(tmp_path: Path) -> None:
    """A file's beginning may end within a character, and is still known for what it is."""
    for encoding, found in (("utf-8", None), ("utf-16", "utf-16"), ("cp1252", "cp1252")):
        for shift in "", "x":
            text = f"t,{shift}ö\n" + "1,ö\n" * 20_000
            (tmp_path / "x.csv").write_bytes(text.encode(encoding))
            assert text_form(tmp_path / "x.csv", "x.csv").get("encoding") == found


def test_missing_cells_are_found_past_the_beginning(tmp_path: Path) -> None:
    """What stands where a value is missing is told by more than the first lines."""
    flow = WAVE.repeat(5).astype(str)
    flow[900], flow[950] = "", "n/a"
    (tmp_path / "x.csv").write_text(rows("flow,level", flow, WAVE.repeat(5)))
    assert look("x.csv", tmp_path).source["missing"] == ["", "n/a"]
    made = starts(tmp_path, "x.csv")
    assert prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card.rows == 1000


@pytest.mark.parametrize(
    ("name", "interval_s", "unit"),
    [
        ("timestamp_ms", 0.01, "ms"),
        ("Time [us]", 1e-5, "us"),
        ("millis", 0.01, "ms"),
        ("seconds", 10, None),
    ],
)
def test_a_name_says_what_times_count(
    tmp_path: Path, name: str, interval_s: float, unit: str | None
) -> None:
    """100 Hz is not a row every 10 seconds."""
    (tmp_path / "x.csv").write_text(rows(f"{name},flow,level", TIME * 10, WAVE, WAVE**2))
    time = starts(tmp_path, "x.csv").dataset.time
    assert time is not None
    assert time.unit == unit
    assert time.interval_s == pytest.approx(interval_s)
    assert "CHECK: seconds?" not in (tmp_path / "new.yaml").read_text()


def test_a_time_that_says_nothing_of_its_unit_is_a_guess(tmp_path: Path) -> None:
    """It is taken for seconds, and the line says so; parts of a second are seconds."""
    for step, guessed in ((10, True), (0.01, False)):
        (tmp_path / "x.csv").write_text(rows("time,flow,level", TIME * step, WAVE, WAVE**2))
        time = starts(tmp_path, "x.csv").dataset.time
        assert time is not None
        assert time.interval_s == pytest.approx(step)
        assert ("CHECK: seconds?" in (tmp_path / "new.yaml").read_text()) == guessed


@pytest.mark.parametrize(
    ("stamps", "interval_s", "unit"),
    [
        (TIME * 0.02, 0.02, None),
        (1_700_000_000_000 + TIME * 20, 0.02, "ms"),
        (np.datetime64("2026-01-05T00:00") + TIME * np.timedelta64(5, "m"), 300.0, None),
    ],
    ids=["seconds", "milliseconds since 1970", "dates"],
)
def test_a_forecast_has_its_time(
    tmp_path: Path, stamps: Any, interval_s: float, unit: str | None
) -> None:
    """A column of times gives interval and unit; the last quantity is foretold."""
    (tmp_path / "x.csv").write_text(rows("time,flow,level", stamps, WAVE, WAVE**2))
    made = starts(tmp_path, "x.csv")
    assert made.task == "regression"
    time = made.dataset.time
    assert time is not None
    assert (time.column, time.interval_s, time.unit) == ("time", interval_s, unit)
    assert [one.name for one in made.dataset.inputs.features] == ["flow", "level"]
    assert prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card.rows == 200


def test_what_is_told_from_the_same_row_is_no_input(tmp_path: Path) -> None:
    """Where each row is an example the target would be its own answer."""
    (tmp_path / "x.csv").write_text(rows("flow,temp,level", WAVE, WAVE**3, WAVE**2))
    made = starts(tmp_path, "x.csv")
    assert made.dataset.window is None
    assert [one.name for one in made.dataset.inputs.features] == ["flow", "temp"]
    assert [one.name for one in made.dataset.target.outputs] == ["level"]
    (tmp_path / "y.csv").write_text("level\n" + "\n".join(map(str, WAVE)) + "\n")
    made = starts(tmp_path, "y.csv")
    assert made.dataset.window is not None
    assert made.dataset.window.horizon == 1


def test_classes_of_rows_and_of_stretches(tmp_path: Path) -> None:
    """Labels that stay make windows, rare ones of single rows make none; people are groups."""
    state = np.where(TIME // 50 % 2, "walk", "rest")
    (tmp_path / "x.csv").write_text(rows("t,ax,activity", TIME, WAVE, state))
    made = starts(tmp_path, "x.csv")
    assert (made.task, made.dataset.target.labels) == ("classification", ("rest", "walk"))
    assert made.dataset.window is not None
    assert made.dataset.window.length == 10
    fault = np.where(TIME % 50, 0, 1)
    (tmp_path / "y.csv").write_text(rows("a,b,fault", WAVE, WAVE**3, fault))
    made = starts(tmp_path, "y.csv")
    assert (made.dataset.window, made.dataset.split.rule) == (None, "random")
    (tmp_path / "z.csv").write_text(rows("ax,label,subject", WAVE, state, TIME // 20))
    made = starts(tmp_path, "z.csv")
    assert (made.dataset.group, made.dataset.split.rule) == ("subject", "random_group")
    (tmp_path / "z.csv").write_text(rows("ax,label,subject", WAVE, state, TIME // 100))
    assert starts(tmp_path, "z.csv").dataset.group is None, "two people are too few to split"


def test_a_folder_an_archive_and_a_pair(tmp_path: Path) -> None:
    """Labels are folders, arrays have axes, and a file to test with is found beside its own."""
    for label in ("rest", "walk"):
        for at in range(6):
            path = tmp_path / "hand" / label / f"{at}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rows("ax,ay", WAVE, WAVE**3))
    made = starts(tmp_path, "hand")
    assert made.dataset.target.labels == ("rest", "walk")
    assert (made.dataset.group, made.dataset.split.rule) == (None, "random_recording")
    assert prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card.rows == 2400

    some = np.random.default_rng(1).normal(size=(90, 8, 8, 3)).astype(np.float32)
    np.savez(tmp_path / "x.npz", image=some, word=np.array(["low", "high", "mid"] * 30))
    made = starts(tmp_path, "x.npz")
    assert made.dataset.input_shape == (8, 8, 3)
    assert prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card.output_count == 3

    head = "@problemName M\n@timeStamps false\n@univariate true\n@classLabel true a b\n@data\n"
    for part in ("TRAIN", "TEST"):
        lines = (f"{','.join(map(str, WAVE[:30] + at))}:{'ab'[at % 2]}\n" for at in range(10))
        (tmp_path / f"M_{part}.ts").write_text(head + "".join(lines))
    made = starts(tmp_path, "M_TRAIN.ts")
    assert made.dataset.split.rule == "column"
    card = prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card
    assert {one.name: one.examples for one in card.splits}["test"] == 10


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        ("6_anna_0 6_ben_0 9_anna_1 9_ben_1", "{label:d}_{group}_{part3:d}.wav"),
        ("rec-on-1 rec-on-2 rec-off-1 rec-off-2", "rec-{label}-{part3:d}.wav"),
        ("on_2026-01-05 off_2026-01-06 on_2026-01-07 off_2026-01-08", None),
        ("a b c", "{label}.wav"),
        ("1 2 3", "*.wav"),
        ("on/1 on/2 off/1 off/2", "{label}/*.wav"),
        ("walk1 walk2 run1 run2", "{label}{part2:d}.wav"),
        ("a_1 b_2_3 a_2", "*.wav"),
        ("on/1 off/2", "{label}/*.wav"),
        ("anna/on/1 anna/off/2", "{group}/{label}/*.wav"),
        ("x/anna/on/1 y/anna/off/2", "**/{label}/*.wav"),
    ],
)
def test_what_names_of_files_say(names: str, pattern: str | None) -> None:
    """A part that all names have at its place; what is the same in all is written out."""
    files = [f"{name}.wav" for name in names.split()]
    wanted = pattern or "{label}_2026-01-{part4:d}.wav"
    assert pattern_of(files) == wanted
    assert all(compiled(wanted).fits(file) for file in files)


def test_tables_that_are_called_text(tmp_path: Path) -> None:
    """Unless it lies beside recordings."""
    for name in ("on/1.txt", "on/2.txt", "off/1.txt"):
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rows("x y", WAVE, WAVE**2).replace(",", "  "))
    source = look("log", tmp_path).source
    assert (source["files"], source["delimiter"]) == ("{label}/*.txt", " ")
    assert pattern_of(["a/1.txt", "a/2.txt", "a/1.wav", "b/3.wav"]) == "{label}/*.wav"


def test_a_file_a_sensor(tmp_path: Path) -> None:
    """Of what a logger writes into a folder a recording one sensor is read."""
    for name in ("on/gyro.csv", "on/acc.csv", "off/gyro.csv", "off/acc.csv", "off/mag.csv"):
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rows("x,y" if "acc" in name else "z", *[WAVE] * (1 + ("acc" in name))))
    found = look("log", tmp_path)
    assert found.source["files"] == "{label}/acc.csv"
    assert found.checks == ("3 other files are not read, such as off/gyro.csv",)


def test_recordings_as_cameras_and_recorders_leave_them(tmp_path: Path) -> None:
    """Endings in capitals, and labels in the names of files that lie in no folders."""
    for at in range(8):
        image = PIL.Image.new("L", (6, 6), at * 20)
        for folder in ("photos", "large"):
            (tmp_path / folder / "cd"[at % 2]).mkdir(parents=True, exist_ok=True)
        image.save(tmp_path / "photos" / "cd"[at % 2] / f"IMG_{at}.{('JPG', 'jpg')[at // 7]}")
        path = tmp_path / "sound" / f"{'on' if at % 2 else 'off'}_{'abcd'[at // 2]}_{at}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, WAVE, 8000)
    made = starts(tmp_path, "photos")
    card = prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card
    assert (card.rows, card.labels) == (8, ("c", "d"))
    assert made.dataset.inputs.shape == (6, 6, 1)
    for size in ((9, 6), (300, 200)):
        PIL.Image.new("RGB", size).save(tmp_path / "photos" / "c" / f"other{size[0]}.JPG")
    source = starts(tmp_path, "photos").dataset.source
    assert source.kind == "folder"
    assert (source.images.size, source.images.channels) == ((6, 6), 1)
    for label in "cd":
        PIL.Image.new("L", (300, 200)).save(tmp_path / "large" / label / "1.png")
    source = starts(tmp_path, "large").dataset.source
    assert source.kind == "folder"
    assert (source.images.size, source.images.channels) == ((96, 96), None)
    made = starts(tmp_path, "sound")
    assert (made.dataset.target.labels, made.dataset.group) == (("off", "on"), "group")


def test_what_a_flag_and_a_whole_recording_are(tmp_path: Path) -> None:
    """A last column of 0 and 1 is a class; recordings of one length are examples as they are."""
    (tmp_path / "x.csv").write_text(rows("a,b,leaks", WAVE, WAVE**3, TIME % 50 // 49))
    assert starts(tmp_path, "x.csv").dataset.target.labels == ("0", "1")
    for at in range(3):
        (tmp_path / "days" / f"{at}.csv").parent.mkdir(exist_ok=True)
        (tmp_path / "days" / f"{at}.csv").write_text((tmp_path / "x.csv").read_text())
    assert starts(tmp_path, "days").dataset.target.column == "leaks"
    head = "@problemName M\n@timeStamps false\n@univariate true\n@classLabel true a b\n@data\n"
    lines = (f"{','.join(map(str, WAVE[:90] + at))}:{'ab'[at % 2]}\n" for at in range(10))
    (tmp_path / "M.ts").write_text(head + "".join(lines))
    window = starts(tmp_path, "M.ts").dataset.window
    assert window is not None
    assert (window.length, window.stride) == (90, 90)


def test_a_file_of_each_class(tmp_path: Path) -> None:
    """And a column of labels that follow one another: each is cut by itself."""
    state = np.repeat(["rest", "walk"], 100)
    for label in ("punch", "flex"):
        path = tmp_path / "moves" / f"{label}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(rows("aX,aY", WAVE, WAVE**3))
    (tmp_path / "x.csv").write_text(rows("aX,state", WAVE, state))
    for data, labels in (("moves", ("flex", "punch")), ("x.csv", ("rest", "walk"))):
        made = starts(tmp_path, data)
        assert (made.dataset.target.labels, made.dataset.group) == (labels, None)
        card = prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card
        assert all(min(one.class_counts) > 0 for one in card.splits)


def test_dates_that_are_not_iso(tmp_path: Path) -> None:
    """The one way in which all of them can be read is in the contract."""
    days = np.datetime64("2026-01-05") + TIME
    for form, wanted in (("%d.%m.%Y", "%d.%m.%Y"), ("%Y/%m/%d", "%Y/%m/%d")):
        stamps = np.array([day.strftime(form) for day in days.tolist()])
        (tmp_path / "x.csv").write_text(rows("date,flow,level", stamps, WAVE, WAVE**2))
        made = starts(tmp_path, "x.csv")
        assert made.dataset.time is not None
        assert (made.dataset.time.format, made.dataset.time.interval_s) == (wanted, 86400.0)
        card = prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card
        assert card.rows == 200


@pytest.mark.parametrize("board", board_names())
def test_its_limits_fit_the_board(board: str, tmp_path: Path) -> None:
    """Whatever board is named, the contract can be read."""
    contract = tmp_path / "new.yaml"
    contract.write_text(starter.contract_text("new", look(TANK, ROOT), load_board(board)))
    target = loader.load(contract, ROOT).target
    assert target.board == board
    assert (target.platform == "linux") == (load_board(board).linux is not None)


def test_what_is_no_input(tmp_path: Path) -> None:
    """Other clocks, numbers of the rows, and an index without a name."""
    stamps = np.datetime64("2026-01-05") + TIME * np.timedelta64(1, "s")
    names = ",stamp,elapsed (s),Timestamp,ax (g),CO(GT)"
    text = rows(names, TIME, stamps, TIME * 1.0, TIME // 2, WAVE, WAVE**2)
    (tmp_path / "x.csv").write_text(text)
    made = starts(tmp_path, "x.csv")
    assert made.dataset.time is not None
    assert made.dataset.time.column == "stamp"
    found = [(one.name, one.unit) for one in made.dataset.inputs.features]
    assert found == [("ax (g)", "g"), ("CO(GT)", "1")]


def test_a_time_of_day_is_no_time(tmp_path: Path) -> None:
    """Where it begins anew at midnight; a column that has the day too is one."""
    stamps = np.datetime64("2026-01-05T22:00:00") + TIME * np.timedelta64(1, "m")
    clock = np.array([f"{stamp:%H:%M:%S}" for stamp in stamps.tolist()])
    (tmp_path / "x.csv").write_text(rows("Time,a,b", clock, WAVE, WAVE**2))
    assert starts(tmp_path, "x.csv").dataset.time is None
    (tmp_path / "y.csv").write_text(rows("Time,DateTime,a,b", clock, stamps, WAVE, WAVE**2))
    time = starts(tmp_path, "y.csv").dataset.time
    assert time is not None
    assert time.column == "DateTime"


def test_days_written_as_numbers(tmp_path: Path) -> None:
    """19580329 is a day, not a number of seconds."""
    days = np.datetime64("2026-01-05") + 7 * TIME
    stamps = [day.strftime("%Y%m%d") for day in days.tolist()]
    (tmp_path / "x.csv").write_text(rows("date,co2", np.array(stamps), WAVE))
    time = starts(tmp_path, "x.csv").dataset.time
    assert time is not None
    assert (time.format, time.interval_s) == ("%Y%m%d", 7 * 86400.0)


@pytest.mark.parametrize("value", [-200, -999.9])
def test_numbers_that_stand_for_nothing(tmp_path: Path, value: float) -> None:
    """Where no reading comes near in one column; others of the file have them too."""
    near, far = np.where(TIME % 9, WAVE * 900, value), np.where(TIME % 7, WAVE, value)
    (tmp_path / "x.csv").write_text(rows("a,b,c", WAVE, near, far))
    found = look("x.csv", tmp_path)
    assert found.source["missing"] == [f"{value:g}"]
    assert any("no reading comes near it" in one for one in found.checks)
    made = starts(tmp_path, "x.csv")
    card = prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card
    assert card.outputs[0].minimum > -2
    (tmp_path / "y.csv").write_text(rows("a,b", WAVE, near))
    assert "missing" not in look("y.csv", tmp_path).source


def test_archives_with_a_split_of_their_own(tmp_path: Path) -> None:
    """As Keras and MedMNIST hand them out: grey images, and labels in a column."""
    image, word = np.arange(90 * 400).reshape(90, 20, 20) % 251, np.arange(90).reshape(90, 1) % 3
    cut = {"train": slice(0, 60), "val": slice(60, 70), "test": slice(70, 90)}
    arrays: dict[str, Any] = {f"{name}_images": image[rows] for name, rows in cut.items()}
    arrays |= {f"{name}_labels": word[rows] for name, rows in cut.items()}
    np.savez(tmp_path / "x.npz", **arrays)
    made = starts(tmp_path, "x.npz").dataset
    assert (made.input_shape, made.target.column) == ((20, 20, 1), "labels")
    card = prepare(made, datasets.load(made, tmp_path)).card
    assert [one.examples for one in card.splits] == [60, 10, 20]
    short, labels = image[60:], word.reshape(90)
    np.savez(
        tmp_path / "y.npz",
        x_train=image[:60],
        y_train=labels[:60],
        x_test=short,
        y_test=labels[60:],
    )
    made = starts(tmp_path, "y.npz").dataset
    card = prepare(made, datasets.load(made, tmp_path)).card
    assert [one.examples for one in card.splits] == [48, 12, 30]
    np.savez(tmp_path / "z.npz", x_train=image[:60], y_train=word[:50], x_test=image, y_test=word)
    with pytest.raises(MlforgeError, match=r"x \[60, 90\]; y \[50, 90\] entries for train, test"):
        starts(tmp_path, "z.npz")


def test_what_is_mostly_missing_is_no_input(tmp_path: Path) -> None:
    """It would take its rows out of the examples."""
    few = np.where(TIME % 9, -200, WAVE)
    (tmp_path / "x.csv").write_text(rows("a,b,c", WAVE, few, WAVE**2))
    assert [one.name for one in starts(tmp_path, "x.csv").dataset.inputs.features] == ["a"]


def test_labels_by_a_word_of_their_name(tmp_path: Path) -> None:
    """Flags as floats too; times of day are no classes, and numbers stand in their order."""
    flag = np.where(TIME // 25 % 2, 1.0, 0.0)
    clock = np.array([f"{at % 24}:00:00" for at in TIME])
    (tmp_path / "x.csv").write_text(rows("Time,a,Machine failure,b", clock, WAVE, flag, WAVE**2))
    made = starts(tmp_path, "x.csv")
    assert made.dataset.target.column == "Machine failure"
    assert made.dataset.target.labels == ("0.0", "1.0")
    (tmp_path / "y.csv").write_text(rows("a,class", WAVE, TIME // 18))
    assert starts(tmp_path, "y.csv").dataset.target.labels == tuple(map(str, range(12)))
    (tmp_path / "z.csv").write_text(rows("set_point,a,label", TIME % 3, WAVE, flag))
    assert starts(tmp_path, "z.csv").dataset.split.rule == "each_label"


def test_a_window_fits_between_gaps(tmp_path: Path) -> None:
    """Where the stamps of a logger leap again and again."""
    seconds = TIME + TIME // 10
    (tmp_path / "x.csv").write_text(rows("time,a,b", seconds, WAVE, WAVE**2))
    made = starts(tmp_path, "x.csv")
    card = prepare(made.dataset, datasets.load(made.dataset, tmp_path)).card
    assert all(one.examples for one in card.splits)


def test_a_value_of_each_recording(tmp_path: Path) -> None:
    """It is foretold of the whole recording, and is no input."""
    head = "@problemName M\n@timeStamps false\n@univariate true\n@targetLabel true\n@data\n"
    lines = (f"{','.join(map(str, WAVE[:30] + at))}:{at / 8}\n" for at in range(10))
    (tmp_path / "M.ts").write_text(head + "".join(lines))
    made = starts(tmp_path, "M.ts").dataset
    assert [one.name for one in made.inputs.features] == ["0"]
    assert [one.name for one in made.target.outputs] == ["target"]
    assert made.window is not None
    assert (made.window.length, made.window.stride, made.window.horizon) == (30, 30, 0)


def test_images_without_labels_are_told(tmp_path: Path) -> None:
    """With how they would be told apart."""
    (tmp_path / "some").mkdir()
    for at in range(4):
        PIL.Image.new("L", (6, 6)).save(tmp_path / "some" / f"a{at * 7}b.png")
    with pytest.raises(MlforgeError, match="nothing says what each image is"):
        starts(tmp_path, "some")


def test_what_is_no_data_is_told(tmp_path: Path) -> None:
    """In a line, with what to do."""
    (tmp_path / "x.doc").write_text("a letter")
    with pytest.raises(MlforgeError, match=r"data=x\.doc: no kind of source is known"):
        look("x.doc", tmp_path)
    (tmp_path / "x.csv").write_text("name,town\nA,B\nC,D\n")
    with pytest.raises(MlforgeError, match="no column holds numbers"):
        starts(tmp_path, "x.csv")


def test_it_is_written_and_can_be_checked(tmp_path: Path) -> None:
    """The command that it says next has exit code 0."""
    path = ROOT / "contracts" / "made_by_a_test.yaml"
    try:
        run = doit("name=made_by_a_test", f"data={TANK}", build=tmp_path, command="new")
        assert run.code == 0, run.out + run.err
        assert "doit check contract=contracts/made_by_a_test.yaml\n" in run.out
        assert loader.load(path, ROOT).dataset.time is not None
    finally:
        path.unlink(missing_ok=True)


def test_mistakes_of_the_command(tmp_path: Path) -> None:
    """Nothing is written over, outside of the project, or for a board that is not there."""
    for words, said in (
        (("name=glucose", f"data={TANK}"), "is there already"),
        (("name=x", "data=nowhere.csv"), "data=nowhere.csv: there is nothing at this path"),
        (("name=x", "data=/etc/hostname"), "found a path outside the project"),
        (("name=x", f"data={TANK}", "board=mps2/an386x"), "there is no board 'mps2/an386x'"),
        ((), "found no name, or no data"),
    ):
        run = doit(*words, build=tmp_path, command="new")
        assert run.code == 3, run.out
        assert said in run.err
        assert not (ROOT / "contracts" / "x.yaml").exists()
