"""A folder of recordings, one a file: labels, groups and splits from paths or from a CSV file."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlforge_tasks import datasets
from mlforge_tasks.contract.dataset import DatasetSpec
from mlforge_tasks.contract.sources.file_pattern import compiled
from mlforge_tasks.datasets._times import read_clock
from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.yaml_file import Mistake
from tests.helpers.datasets import SORTING, run_stage, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlforge_tasks.datasets._table import Table

CSV = {
    "data/cat/anna_01.csv": b"a,b\n1,10\n2,20\n3,30\n",
    "data/cat/ben_01.csv": b"a,b\n4,40\n5,50\n",
    "data/dog/anna_02.csv": b"b,a\n60,6\n70,7\n",
    "data/README.md": b"not a recording",
}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


SECTIONS: tuple[str, ...] = ("inputs", "target", "group", "time", "window")


def plan(files: str, base: dict[str, Any] = SORTING, **source: Any) -> DatasetSpec:
    """The spec of a folder; some keys are sections beside the source."""
    sections = {key: source.pop(key) for key in SECTIONS if key in source}
    of_folder = {"kind": "folder", "path": "data", "files": files, **source}
    split = {"rule": "chronological", "validation": 0.2, "test": 0.2}
    return spec({**base, "source": of_folder, "split": split, **sections})


def read(root: Path, files: str, **source: Any) -> Table:
    return datasets.load(plan(files, **source), root).table


KIND = {"target": {"column": "kind", "labels": ["cat", "dog"]}}


def test_paths_say_what_recordings_are(tmp_path: Path) -> None:
    """Columns of the path beside those of the files, which may stand in another order."""
    table = read(write(tmp_path, CSV), "{kind}/{who}_*.csv", group="who", **KIND)
    assert table.numbers("a").tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert table.numbers("b").tolist() == [10, 20, 30, 40, 50, 60, 70]
    assert table.texts("kind").tolist() == ["cat"] * 5 + ["dog"] * 2
    assert table.texts("who").tolist() == ["anna"] * 3 + ["ben"] * 2 + ["anna"] * 2
    assert table.starts.tolist() == [True, False, False, True, False, True, False]
    assert [table.place(row) for row in (0, 4, 5)] == [
        "data/cat/anna_01.csv:2",
        "data/cat/ben_01.csv:3",
        "data/dog/anna_02.csv:2",
    ]


def test_the_path_itself_is_a_column(tmp_path: Path) -> None:
    """Each recording can be a group of its own."""
    table = read(write(tmp_path, CSV), "{kind}/*.csv", group="file", **KIND)
    assert table.texts("file")[[0, 3, 5]].tolist() == [
        "cat/anna_01.csv",
        "cat/ben_01.csv",
        "dog/anna_02.csv",
    ]


def test_a_path_may_hold_numbers(tmp_path: Path) -> None:
    """What a path says may be what is foretold; where it is no number, its file is named."""
    files = {f"data/{speed}_rpm.csv": b"a,b\n1,2\n3,4\n" for speed in ("1000", "2.5e3")}
    target = {"outputs": [{"name": "speed", "unit": "rpm"}]}
    table = read(write(tmp_path, files), "{speed}_rpm.csv", target=target)
    assert table.numbers("speed").tolist() == [1000, 1000, 2500, 2500]
    write(tmp_path, {"data/fast_rpm.csv": b"a,b\n1,2\n"})
    table = read(tmp_path, "{speed}_rpm.csv", target=target)
    with pytest.raises(MlforgeError, match=r"data/fast_rpm\.csv, row 0: column 'speed': found 'fa"):
        table.numbers("speed")


def test_the_card_says_what_was_read(tmp_path: Path) -> None:
    """Its digest is of the names and of what they hold."""
    wanted = plan("{kind}/*.csv", **KIND)
    cards = [datasets.load(wanted, write(tmp_path, CSV)).card for _ in range(2)]
    (tmp_path / "data/cat/ben_01.csv").rename(tmp_path / "data/cat/bob_01.csv")
    cards.append(datasets.load(wanted, tmp_path).card)
    assert [(one.kind, one.name, one.member) for one in cards] == [
        ("folder", "data", "{kind}/*.csv")
    ] * 3
    assert cards[0] == cards[1] != cards[2]


words = st.text("ab_.-", min_size=1, max_size=4)


@given(label=words, who=words, day=st.integers(0, 99), deep=st.lists(words, max_size=2))
def test_a_pattern_finds_what_its_path_was_made_of(
    label: str, who: str, day: int, deep: list[str]
) -> None:
    """Digits alone tell where one name ends that holds the same characters as what is between."""
    path = "/".join([*deep, label, f"{who}_{day}.wav"])
    pattern = compiled("**/{label}/{who}_{day:d}.wav")
    assert pattern.fits(path)
    assert pattern.columns(path) == {"label": label, "who": who, "day": str(day)}


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("**/*.wav", "a.wav", True),
        ("**/*.wav", "x/y/a.wav", True),
        ("*.wav", "x/a.wav", False),
        ("{a}/*.wav", "x/.wav", True),
        ("{a}/{b}.wav", "x/.wav", False),
        ("a.wav", "aXwav", False),
        ("{n:d}.wav", "1\u0662.wav", False),
        ("x/{a}*", "x/b", True),
        ("{label}/IMG_*.jpg", "a/IMG_1.JPG", True),
        ("{label}/IMG_*.jpg", "a/img_1.jpg", False),
    ],
)
def test_what_fits(pattern: str, path: str, *, fits: bool) -> None:
    """A star is within one name, and everything else stands for itself."""
    assert compiled(pattern).fits(path) is fits


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("", "relative to the folder"),
        ("/a/*.wav", "relative to the folder"),
        ("{a b}.wav", "names in braces"),
        ("{}.wav", "names in braces"),
        ("*.{wav,flac}", "names in braces"),
        ("{a.wav", "a pattern such as"),
        ("{a}/{a}.wav", "each name once"),
        ("{file}.wav", "another name than {file}"),
        ("a**/*.wav", "alone between slashes"),
        ("**/x/**/*.wav", "alone between slashes"),
        ("x/**", "alone between slashes"),
        ("{a}_{b}_{c}_{d}_*.wav", "at most 4"),
    ],
)
def test_no_patterns(pattern: str, wanted: str) -> None:
    """Each is told with what would be one."""
    with pytest.raises(Mistake, match=wanted):
        compiled(pattern)


LABELS: dict[str, Any] = {"labels": {"path": "labels.csv", "unit": "row"}, **KIND}


def test_intervals_of_recordings(tmp_path: Path) -> None:
    """Rows in no interval are left out, or are what the contract says; neighbours stay apart."""
    rows = "".join(f"{i},{i}\n" for i in range(10)).encode()
    lines = b"file,start,end,kind,who\nx/1.csv,5,7,dog,b\nx/1.csv,1,5,cat,a\nx/2.csv,0,2,cat,c\n"
    write(tmp_path, {f"data/x/{i}.csv": b"a,b\n" + rows for i in (1, 2, 3)})
    write(tmp_path, {"labels.csv": lines})
    found = datasets.load(plan("**/*.csv", group="who", **LABELS), tmp_path)
    assert found.notes == (
        "labels.csv: left out 1 of 3 recordings that no line names, such as 'x/3.csv'",
    )
    table = found.table
    assert table.numbers("a").tolist() == [1, 2, 3, 4, 5, 6, 0, 1]
    assert table.texts("kind").tolist() == ["cat"] * 4 + ["dog"] * 2 + ["cat"] * 2
    assert table.texts("who").tolist() == ["a"] * 4 + ["b"] * 2 + ["c"] * 2
    assert np.flatnonzero(table.starts).tolist() == [0, 4, 6]
    assert [table.place(row) for row in (4, 6)] == ["data/x/1.csv:7", "data/x/2.csv:2"]
    outside = {"path": "labels.csv", "unit": "row", "outside": "rest"}
    target = {"column": "kind", "labels": ["cat", "dog", "rest"]}
    table = read(tmp_path, "**/*.csv", target=target, labels=outside)
    assert table.rows == 30
    assert table.texts("kind").tolist() == (
        ["rest"] + ["cat"] * 4 + ["dog"] * 2 + ["rest"] * 3 + ["cat"] * 2 + ["rest"] * 18
    )


def test_seconds_are_rows_by_the_rate(tmp_path: Path) -> None:
    """A line without an interval is of the whole file; cells may stand between semicolons."""
    rows = "".join(f"{i},{i}\n" for i in range(10)).encode()
    write(tmp_path, {"data/1.csv": b"a,b\n" + rows})
    write(tmp_path, {"labels.csv": b"name;from;to;kind\n./1.csv;0.2;0.5;cat\n1.csv;0.5;1.02;dog\n"})
    labels = {"path": "labels.csv", "file": "name", "start": "from", "end": "to", "delimiter": ";"}
    table = read(tmp_path, "*.csv", rate=10.0, labels=labels, **KIND)
    assert table.numbers("a").tolist() == [2, 3, 4, 5, 6, 7, 8, 9]
    assert table.texts("kind").tolist() == ["cat"] * 3 + ["dog"] * 5
    write(tmp_path, {"labels.csv": b"file,kind\n1.csv,dog\n"})
    assert read(tmp_path, "*.csv", **LABELS).texts("kind").tolist() == ["dog"] * 10


def test_what_the_file_of_labels_lacks_is_told_of_it(tmp_path: Path) -> None:
    """The keys of the recordings' cells do not read its own."""
    rows = "".join(f"{i},{i}\n" for i in range(10)).encode()
    write(tmp_path, {"data/1.csv": b"a,b\n" + rows})
    write(tmp_path, {"labels.csv": b"file,start,end,kind\n1.csv,,4,cat\n"})
    with pytest.raises(
        MlforgeError, match=r"'start': found ''(.|\n)*dataset.source.labels"
    ) as told:
        read(tmp_path, "*.csv", rate=10.0, **LABELS)
    assert "missing:" not in str(told.value)
    lines = b"file,start,end,kind\n1.csv,0,0.1,dog\n1.csv,2,10,cat\n"
    write(tmp_path, {"labels.csv": lines})
    found = datasets.load(plan("*.csv", rate=10.0, **LABELS), tmp_path)
    assert found.table.rows == 8
    (note,) = found.notes
    assert note.endswith("left out 1 interval in which no row begins (the first is labels.csv:2)")


def logged(step_ms: int, stamp: Callable[[int], str], gap: int = 10**6) -> bytes:
    """Two seconds of a slow sine on top of gravity, with a word for each half."""
    lines = ["at,a,b,half"]
    for ms in range(0, 2000, step_ms):
        seconds = ms / 1000
        value = 9.81 + np.sin(2 * np.pi * 2 * seconds)
        at = ms + (500 if ms >= gap else 0)
        lines.append(f"{stamp(at)},{value:.6f},{seconds},{'first' if ms < 1000 else 'second'}")
    return "\n".join(lines).encode()


STEADY: dict[str, Any] = {
    "time": {"column": "at", "interval": 0.01, "tolerance": 0.002},
    "window": {"length": 5},
    "group": "half",
    **KIND,
}


def iso(ms: int) -> str:
    return f"2026-01-01T00:00:{ms / 1000:06.3f}"


@pytest.mark.parametrize("stamp", [iso, str], ids=["text", "milliseconds"])
def test_tables_of_another_step_are_refused_or_resampled(
    stamp: Callable[[int], str], tmp_path: Path
) -> None:
    """As the contract says: values, times and words are those that a faster log would have."""
    write(tmp_path, {f"data/{k}.csv": logged(10, stamp) for k in "ac"})
    write(tmp_path, {"data/b.csv": logged(20, stamp), "data/d.csv": logged(5, stamp)})
    told = r"data/b\.csv: the usual step of column 'at' is 20 ms, .* \(2 of 4 files have another"
    with pytest.raises(MlforgeError, match=told):
        read(tmp_path, "{kind}.csv", **STEADY)
    wanted = plan("{kind}.csv", resample=True, **STEADY)
    found = datasets.load(wanted, tmp_path)
    table = found.table
    assert "2 files resampled, of which data/b.csv" in found.notes[0]
    assert np.flatnonzero(table.starts).tolist() == [0, 200, 400, 600]
    assert wanted.time is not None
    clock = read_clock(wanted.time, table, table.starts)
    assert not clock.off.any()
    for name in "ab":
        first, *others = table.numbers(name).reshape(4, 200)
        for values in others:
            np.testing.assert_allclose(values[10:-10], first[10:-10], atol=0.02)
    assert table.texts("half").tolist() == (["first"] * 100 + ["second"] * 100) * 4


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    """No value is made up where nothing was measured."""
    write(tmp_path, {"data/a.csv": logged(10, iso), "data/b.csv": logged(20, iso, gap=1000)})
    wanted = plan("{kind}.csv", resample=True, **STEADY)
    table = datasets.load(wanted, tmp_path).table
    assert wanted.time is not None
    late = np.flatnonzero(read_clock(wanted.time, table, table.starts).gaps)
    assert (table.rows, late.tolist()) == (400, [300])
    assert table.place(300) == "data/b.csv:52"


def test_steps_too_far_from_the_interval(tmp_path: Path) -> None:
    """Of a file that is not of this data, or counts something else, no filter is made."""
    hours = "\n".join(f"2026-01-01T{hour:02}:00:00,1,2,first" for hour in range(9)).encode()
    write(tmp_path, {"data/a.csv": logged(10, iso), "data/b.csv": b"at,a,b,half\n" + hours})
    with pytest.raises(MlforgeError, match=r"data/b\.csv: the usual step .* is 1 h, .* too far to"):
        read(tmp_path, "{kind}.csv", resample=True, **STEADY)


def test_tables_without_times_cannot_be_resampled(tmp_path: Path) -> None:
    """Nothing says what step they have."""
    write(tmp_path, {"data/a.csv": b"a,b\n1,2\n"})
    with pytest.raises(MlforgeError, match=r"nothing says when rows(.|\n)*dataset\.time"):
        read(tmp_path, "{kind}.csv", resample=True, **KIND)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (b"1.csv,2,5,cat\n1.csv,0,3,dog\n", r"labels\.csv:2: .* overlaps with labels\.csv:3"),
        (b"1.csv,5,5,cat\n", r"labels\.csv:2: found an interval from 5 to 5"),
        (b"1.csv,-1,5,cat\n", r"labels\.csv:2: found an interval from -1 to 5"),
        (b"1.csv,3,12,cat\n", r"labels\.csv:2: .* up to 12 row, and the recording has 10"),
        (b"1.csv,low,12,cat\n", r"labels\.csv:2: column 'start': found 'low'"),
        (b"l.csv,3,4,cat\n", r"labels\.csv:2: there is no recording 'l\.csv'(.|\n)*mean '1\.csv'"),
    ],
)
def test_bad_intervals(lines: bytes, message: str, tmp_path: Path) -> None:
    """Each is told with its line."""
    rows = "".join(f"{i},{i}\n" for i in range(10)).encode()
    write(tmp_path, {"data/1.csv": b"a,b\n" + rows, "labels.csv": b"file,start,end,kind\n" + lines})
    with pytest.raises(MlforgeError, match=message):
        read(tmp_path, "*.csv", **LABELS)


@pytest.mark.parametrize(
    ("files", "pattern", "source", "message"),
    [
        ({"data/x.csv": b"a,b\n1,2\n"}, "*.wav", {}, r"no file is like '\*\.wav'"),
        (CSV, "**/*", {}, r"README\.md: found a file like .* ends with none of \.csv,"),
        (
            {"data/a.csv": b"a,b\n1,2\n", "data/b.wav": b""},
            "*",
            {},
            r"'a\.csv' and 'b\.wav', wanted files of one kind",
        ),
        (
            {"data/a_b_c.csv": b"a,b\n1,2\n"},
            "{kind}_{who}.csv",
            {"group": "who"},
            r"ambiguous: \{kind\} may be 'a' or 'a_b'",
        ),
        (
            {"data/a.csv": b"a,b\n1,2\n", "data/b.csv": b"a,c\n1,2\n"},
            "{kind}.csv",
            {},
            r"data/b\.csv: there is no column 'b', which data/a\.csv has",
        ),
        (
            {"data/a.csv": b"a,b,kind\n1,2,x\n"},
            "{kind}.csv",
            {},
            r"data/a\.csv: column 'kind' is there too",
        ),
        (
            {"data/a.csv": b"a,b\n1,2\n", "labels.csv": b"file,kind\na.csv,cat\n"},
            "{kind}.csv",
            {"labels": {"path": "labels.csv"}},
            "column 'kind' is in dataset.source.files and in",
        ),
        (
            {"data/a.csv": b"a,b\n1,2\n", "labels.csv": b"file,start,end,kind\na.csv,0,1,cat\n"},
            "*.csv",
            {"labels": {"path": "labels.csv"}},
            r"labels\.csv:2: found seconds, .*(.|\n)*dataset\.source\.rate",
        ),
        (
            {"data/a.csv": b"a,b\n1,2\n", "labels.csv": b"file,start,kind\na.csv,0,cat\n"},
            "*.csv",
            {"labels": {"path": "labels.csv"}},
            r"labels\.csv: there is no column 'end'",
        ),
    ],
)
def test_bad_folders(
    files: dict[str, bytes], pattern: str, source: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """What does not fit together is told with the file, and what to change."""
    with pytest.raises(MlforgeError, match=message):
        read(write(tmp_path, files), pattern, **source, **KIND)


def wav(samples: Any, rate: int = 8000, subtype: str = "PCM_16", form: str = "WAV") -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.asarray(samples), rate, subtype=subtype, format=form)
    return stream.getvalue()


def sine(hz: float, rate: int, seconds: float = 0.5) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


SOUND: dict[str, Any] = {"inputs": {"features": [{"name": "audio", "unit": "1"}]}, **KIND}


@pytest.mark.parametrize(
    ("subtype", "form", "step"),
    [
        ("PCM_U8", "WAV", 2**-7),
        ("PCM_16", "WAV", 2**-15),
        ("PCM_24", "WAVEX", 2**-23),
        ("FLOAT", "WAV", 0),
        ("PCM_24", "FLAC", 2**-23),
    ],
)
def test_sound_is_from_minus_one_to_one(
    subtype: str, form: str, step: float, tmp_path: Path
) -> None:
    """Whatever a file's samples are, full scale is 1."""
    end = "flac" if form == "FLAC" else "wav"
    write(tmp_path, {f"data/cat/a.{end}": wav(sine(100, 8000), subtype=subtype, form=form)})
    table = read(tmp_path, f"{{kind}}/*.{end}", **SOUND)
    assert np.abs(table.numbers("audio") - sine(100, 8000)).max() <= max(step, 2**-23)


def test_channels(tmp_path: Path) -> None:
    """Both together are one column with an axis, and each has its own; seconds are there too."""
    stereo = np.stack([sine(100, 8000), sine(200, 8000)], axis=1)
    write(tmp_path, {"data/a.wav": wav(stereo, subtype="FLOAT")})
    features = [{"name": name, "unit": "1"} for name in ("audio", "audio.1", "time")]
    table = read(tmp_path, "*.wav", inputs={"features": features}, **KIND)
    np.testing.assert_array_equal(table.numbers("audio"), stereo.astype(np.float32))
    np.testing.assert_array_equal(table.numbers("audio.1"), stereo[:, 1].astype(np.float32))
    np.testing.assert_array_equal(table.numbers("time"), np.arange(4000) / 8000)
    assert table.names == ("audio", "time", "audio.0", "audio.1", "file")


def test_other_rates_are_refused_or_resampled(tmp_path: Path) -> None:
    """As the contract says; resampled, a sine has its frequency, its size and its length."""
    rates = {"a": 8000, "b": 16000, "c": 22050, "d": 8000}
    write(
        tmp_path, {f"data/{name}.wav": wav(sine(440, rate), rate) for name, rate in rates.items()}
    )
    told = r"data/b\.wav: found 16000 samples a second, wanted 8000 .*; 2 of 4 files have another"
    with pytest.raises(MlforgeError, match=told):
        read(tmp_path, "{kind}.wav", **SOUND)
    with pytest.raises(MlforgeError, match=r"wanted 11025 \(dataset.source.rate\); 4 of 4"):
        read(tmp_path, "{kind}.wav", rate=11025.0, **SOUND)
    found = datasets.load(plan("{kind}.wav", rate=8000.0, resample=True, **SOUND), tmp_path)
    assert found.notes == (
        "1 file brought from 16000 Hz to 8000 Hz",
        "1 file brought from 22050 Hz to 8000 Hz",
    )
    table = found.table
    assert np.flatnonzero(table.starts).tolist() == [0, 4000, 8000, 12000]
    quiet_ends = slice(100, 3900)
    for sound in table.numbers("audio").reshape(4, 4000):
        assert np.abs(sound - sine(440, 8000))[quiet_ends].max() < 2e-3


def unclosed(samples: Any) -> bytes:
    """As a recorder leaves it that was switched off: sizes of 0 in its header."""
    data = bytearray(wav(samples))
    data[4:8] = data[40:44] = bytes(4)
    return bytes(data)


def stream_of(samples: Any) -> bytes:
    """FLAC whose header leaves the number of samples open (RFC 9639, 8.2: 36 bits, all 0)."""
    data = bytearray(wav(samples, subtype="PCM_16", form="FLAC"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    return bytes(data)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.wav": b"RIFF"}, r"data/a\.wav: no audio file"),
        ({"a.wav": wav([])}, r"data/a\.wav: there are no samples(.|\n)*: remove it"),
        ({"a.wav": unclosed(sine(9, 8000))}, r"there are no samples(.|\n)*sox --ignore-length"),
        ({"a.flac": stream_of(sine(9, 8000))}, "does not say how many samples there are"),
        ({"a.wav": wav([[0.1, 0.2]] * 9), "b.wav": wav([0.1]), "c.wav": wav([0.1])}, "1 of 3"),
    ],
)
def test_bad_sound(files: dict[str, bytes], message: str, tmp_path: Path) -> None:
    """What is no sound, and what has other channels than the rest."""
    write(tmp_path, {f"data/{name}": data for name, data in files.items()})
    with pytest.raises(MlforgeError, match=message):
        read(tmp_path, "*.*", **SOUND)


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    """Recorders that lose power leave sizes of their own in it: what is there is read."""
    data = bytearray(wav(sine(100, 8000)))
    data[40:44] = b"\xff\xff\xff\x7f"
    write(tmp_path, {"data/a.wav": bytes(data)})
    found = datasets.load(plan("{kind}.wav", **SOUND), tmp_path)
    assert found.table.rows == 4000
    assert found.notes == ("1 file ends before the header says so, such as data/a.wav",)


def test_what_is_mostly_made_up_is_refused(tmp_path: Path) -> None:
    """A file of another thing is not brought to 1,000 times its rate; a slip fills no disk."""
    write(tmp_path, {"data/a.wav": wav(sine(440, 8000)), "data/b.wav": wav(sine(1, 8, 9), 8)})
    with pytest.raises(
        MlforgeError, match=r"b\.wav: found 8 samples a second, wanted at least 80,"
    ):
        read(tmp_path, "{kind}.wav", rate=8000.0, resample=True, **SOUND)
    slow = [f"{10 * k},1,2,first" for k in range(9)]
    write(tmp_path, {"tables/a.csv": logged(10, lambda ms: f"{ms / 1000}")})
    write(tmp_path, {"tables/b.csv": "\n".join(["at,a,b,half", *slow]).encode()})
    with pytest.raises(MlforgeError, match=r"b\.csv: the usual step .* is 10 s, .* too far to"):
        read(tmp_path, "{kind}.csv", path="tables", resample=True, **STEADY)


def picture(pixels: Any, form: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    image = PIL.Image.fromarray(np.asarray(pixels))
    (image.convert(mode) if mode else image).save(stream, form, **options)
    return stream.getvalue()


GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([GREY, GREY // 2, 255 - GREY], axis=2)


def pixels(root: Path, values: int = 1, **images: Any) -> NDArray[np.float64]:
    features = [{"name": str(index), "unit": "1"} for index in range(values)]
    inputs = {"features": features, "columns": ["image"]}
    return read(root, "**/{kind}.*", inputs=inputs, images=images, **KIND).numbers("image")


def test_images_are_rows(tmp_path: Path) -> None:
    """Of the values that the file holds, with an axis for channels; a palette is colours."""
    write(tmp_path, {"data/a.png": picture(GREY), "data/b.png": picture(GREY // 2)})
    np.testing.assert_array_equal(pixels(tmp_path)[..., 0], [GREY, GREY // 2])
    write(tmp_path, {"data/a.png": picture(COLOUR), "data/b.png": picture(COLOUR, mode="RGBA")})
    np.testing.assert_array_equal(pixels(tmp_path, 3), [COLOUR, COLOUR])
    flat = np.zeros_like(COLOUR)
    flat[..., 0] = 204  # one of the palette
    write(tmp_path, {"data/b.png": picture(flat, mode="P")})
    np.testing.assert_array_equal(pixels(tmp_path, 3)[1], flat)


def test_images_are_brought_to_one_form(tmp_path: Path) -> None:
    """Size and channels as the contract says; a photograph is turned as the camera was held."""
    files = {
        "data/a.png": picture(np.full((6, 8), 7, np.uint8)),
        "data/b.jpg": picture(np.full((3, 4, 3), 9, np.uint8), "JPEG", quality=95),
    }
    write(tmp_path, files)
    with pytest.raises(MlforgeError, match=r"data/b.jpg: found 3 x 4 .*most images have 6 x 8"):
        pixels(tmp_path, channels=3)
    with pytest.raises(MlforgeError, match="found coloured pixels where most images have grey"):
        pixels(tmp_path, size=[6, 8])
    assert np.unique(pixels(tmp_path, size=[2, 2], channels=1)).tolist() == [7, 9]
    with pytest.raises(ValidationError, match="less than or equal to 16384"):
        pixels(tmp_path, size=[10**6, 10**6])
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # lies on its side
    write(tmp_path, {"data/a.png": picture(GREY, exif=exif)})
    (tmp_path / "data/b.jpg").unlink()
    np.testing.assert_array_equal(pixels(tmp_path)[0, ..., 0], np.rot90(GREY, -1))


def test_deep_grey_keeps_its_values(tmp_path: Path) -> None:
    """Sixteen bits are not cut to eight, and do not stand beside eight."""
    deep = np.array([[0, 300], [40_000, 65_535]], dtype=np.uint16)
    write(tmp_path, {"data/a.png": picture(deep)})
    np.testing.assert_array_equal(pixels(tmp_path)[0, ..., 0], deep)
    with pytest.raises(MlforgeError, match="16-bit grey pixels, wanted red"):
        pixels(tmp_path, channels=3)
    write(tmp_path, {"data/b.png": picture(deep.astype(np.uint8))})
    with pytest.raises(MlforgeError, match="16-bit grey"):
        pixels(tmp_path)


def test_no_image(tmp_path: Path) -> None:
    """A file that is none, whatever its name; other formats are not tried."""
    write(tmp_path, {"data/a.png": picture(GREY, "GIF")})
    with pytest.raises(MlforgeError, match=r"data/a\.png: no PNG or JPEG image"):
        pixels(tmp_path)


def test_arrays_of_other_kinds_are_told(tmp_path: Path) -> None:
    """Numpy joins numbers with numbers alone, and raises an error of its own for the rest."""
    for name, values in (("cat", [1.5]), ("dog", np.array(["2026-01-01"], "datetime64[D]"))):
        stream = io.BytesIO()
        np.save(stream, values)
        write(tmp_path, {f"data/{name}.npy": stream.getvalue()})
    one = {"features": [{"name": "x", "unit": "1"}], "columns": ["array"]}
    with pytest.raises(MlforgeError, match=r"dog\.npy: 'array' holds datetime64\[D\], where"):
        read(tmp_path, "{kind}.npy", inputs=one, **KIND)


def test_arrays(tmp_path: Path) -> None:
    """One array a file, its first axis the rows; objects are refused."""
    for name, rows in (("cat", 3), ("dog", 2)):
        stream = io.BytesIO()
        np.save(stream, np.full((rows, 2), rows))
        write(tmp_path, {f"data/{name}.npy": stream.getvalue()})
    both = {"features": [{"name": "x", "unit": "1"}, {"name": "y", "unit": "1"}]}
    sections = {"inputs": {**both, "columns": ["array"]}, **KIND}
    table = read(tmp_path, "{kind}.npy", **sections)
    assert table.numbers("array").tolist() == [[3, 3]] * 3 + [[2, 2]] * 2
    stream = io.BytesIO()
    np.save(stream, np.array([{}]), allow_pickle=True)
    write(tmp_path, {"data/dog.npy": stream.getvalue()})
    with pytest.raises(MlforgeError, match=r"data/dog\.npy: not a file of a plain array"):
        read(tmp_path, "{kind}.npy", **sections)


def test_a_missing_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its extra and the command that brings it."""
    write(tmp_path, {"data/cat.wav": wav([0.1])})
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ToolError, match=r"WAV and FLAC files need the extra 'audio'.*\n.*--data"):
        read(tmp_path, "{kind}.wav", **SOUND)


def test_from_files_to_examples(tmp_path: Path) -> None:
    """The whole stage, for windows of sound that never join two files, with a given split."""
    for part, kind, index in (
        *(("train", kind, index) for kind in ("cat", "dog") for index in range(4)),
        *(("test", kind, 9) for kind in ("cat", "dog")),
    ):
        hz = 200 if kind == "cat" else 900
        write(tmp_path, {f"data/{part}/{kind}/{index}.wav": wav(sine(hz, 8000, 0.02))})
    sections: dict[str, Any] = {
        **SORTING,
        "source": {"kind": "folder", "path": "data", "files": "{part}/{kind}/*.wav"},
        "inputs": SOUND["inputs"],
        "window": {"length": 50, "stride": 50},
        "split": {"rule": "column", "column": "part", "validation": 0.25, "test": ["test"]},
    }
    config = {"dataset": spec(sections).model_dump(mode="json"), "task": "classification"}
    card = run_stage(config, tmp_path / "out")
    assert [one.class_counts for one in card.splits] == [(9, 9), (3, 3), (3, 3)]
    assert card.input_shape == (50, 1)
