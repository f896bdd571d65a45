"""`doit new` knows recordings of the field by what is in their files, not by a name alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
import wfdb

from mlforge_tasks import datasets
from mlforge_tasks.contract import loader
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.datasets._line_layout import layout, numbers_of
from mlforge_tasks.datasets._look import look
from mlforge_tasks.datasets._prepare import prepare
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.shell import starter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.contract.data_card import DataCard

WAVE = np.sin(np.arange(400) / 9)


def write(folder: Path, files: Mapping[str, Any]) -> None:
    """Files by name: JSON, or text as it is."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def starts(root: Path, path: str) -> tuple[str, Contract]:
    """The text of a contract for a path, and what is read of it."""
    text = starter.contract_text("new", look(path, root), load_board("mps2/an385"))
    (root / "new.yaml").write_text(text)
    return text, loader.load(root / "new.yaml", root)


def prepared(root: Path, contract: Contract) -> DataCard:
    return prepare(contract.dataset, datasets.load(contract.dataset, root)).card


def acquired(first: float) -> dict[str, Any]:
    values = [[first + at / 7, at % 3] for at in range(40)]
    sensors = [{"name": "a", "units": "V"}, {"name": "b", "units": "V"}]
    return {"payload": {"interval_ms": 16, "sensors": sensors, "values": values}}


def test_edge_impulse(tmp_path: Path) -> None:
    """An export by its list of labels; a folder that has none by what names begin with."""
    names = [(f"{part}/{label}.{at}.json", part, label) for part, label, at in ALL_FILES]
    listed = [
        {"path": name, "category": part, "label": {"type": "label", "label": label}}
        for name, part, label in names
    ]
    write(tmp_path / "export", {name: acquired(at) for at, (name, *_) in enumerate(names)})
    write(tmp_path / "export", {"info.labels": {"files": listed}, "aaa.json": {"tool": "x"}})
    with pytest.raises(MlforgeError, match=r"aaa\.json: this file is in no info\.labels"):
        look("export", tmp_path)
    (tmp_path / "export/aaa.json").unlink()
    _, made = starts(tmp_path, "export")
    assert made.dataset.source.model_dump(exclude_defaults=True) == {
        "kind": "edge_impulse",
        "path": "export",
    }
    assert made.dataset.split.rule == "column"
    assert made.dataset.time is not None
    assert made.dataset.time.interval_s == 0.016
    assert {one.name: one.examples for one in prepared(tmp_path, made).splits}["test"] == 2
    with pytest.raises(MlforgeError, match="this is one recording of Edge Impulse") as caught:
        look("export/training/on.0.json", tmp_path)
    assert "name the folder" in str(caught.value)
    write(tmp_path / "names", {f"{label}.{at}.json": acquired(at) for _, label, at in ALL_FILES})
    text, made = starts(tmp_path, "names")
    assert "label: file_name" in text
    assert (made.dataset.target.labels, made.dataset.split.rule) == (
        ("off", "on"),
        "random_recording",
    )
    assert all(all(one.class_counts) for one in prepared(tmp_path, made).splits)


ALL_FILES = [
    (part, label, at + 10 * (part == "testing"))
    for part, count in (("training", 5), ("testing", 1))
    for label in ("on", "off")
    for at in range(count)
]


def test_sensiml(tmp_path: Path) -> None:
    """The session that knows the most labels, with what else there is; a counter is no input."""
    text = "sequence,a,b\n" + "".join(f"{at},{WAVE[at]},{at % 5}\n" for at in range(200))
    sessions = [
        {"session_name": "Model", "segments": [segment(0)] * 40},
        {"session_name": "Manual", "segments": [segment(at) for at in range(0, 180, 20)]},
    ]
    listed = [{"file_name": f"{name}.csv", "sessions": sessions} for name in "xy"]
    write(tmp_path / "fan", {"Export.dcli": listed, "x.csv": text, "y.csv": text})
    for path in ("fan", "fan/Export.dcli"):
        text, made = starts(tmp_path, path)
        assert made.dataset.source.model_dump(exclude_defaults=True) == {
            "kind": "sensiml",
            "path": "fan/Export.dcli",
            "session": "Manual",
        }
    check = "session: which one's values in segments: Manual (2 in 18), Model (1 in 80)"
    assert f"  # CHECK: {check}\n" in text
    assert [one.name for one in made.dataset.inputs.features] == ["a", "b"]
    assert made.dataset.group is None, "two files are too few to split"


def segment(at: int) -> dict[str, Any]:
    return {"name": "Label", "value": ("slow", "fast")[at // 20 % 2], "start": at, "end": at + 19}


def test_uci_har(tmp_path: Path) -> None:
    """By its signals and what each line is; the folder above it will do."""
    files = {"activity_labels.txt": "1 WALKING\n2 LAYING\n"}
    for split, lines in (("train", 12), ("test", 4)):
        rows = "".join(" ".join(map(str, WAVE[at : at + 16])) + "\n" for at in range(lines))
        files |= {f"{split}/Inertial Signals/body_acc_{axis}_{split}.txt": rows for axis in "xyz"}
        files[f"{split}/y_{split}.txt"] = "1\n2\n" * (lines // 2)
        files[f"{split}/subject_{split}.txt"] = "".join(
            f"{at // 2 + 100 * (split == 'test')}\n" for at in range(lines)
        )
    write(tmp_path / "data/UCI HAR Dataset", files)
    for path in ("data", "data/UCI HAR Dataset"):
        _, made = starts(tmp_path, path)
        assert made.dataset.source.model_dump() == {
            "kind": "uci_har",
            "path": "data/UCI HAR Dataset",
        }
    assert (made.dataset.group, made.dataset.split.rule) == ("subject", "column")
    assert made.dataset.window is not None
    assert made.dataset.window.length == 16
    card = prepared(tmp_path, made)
    assert (card.labels, len(card.features)) == (("LAYING", "WALKING"), 3)
    (tmp_path / "data/UCI HAR Dataset/test/y_test.txt").unlink()
    assert look("data", tmp_path).source["kind"] == "folder"  # of text, whatever it says


def test_wisdm(tmp_path: Path) -> None:
    """Its stamps are nanoseconds, whatever their size; text that is a table is none."""
    lines = [
        f"{user},{activity},{49_105_962_326_000 + at * 50_000_000},{WAVE[at]},1.5,{at % 4};"
        for user in (33, 17, 20, 5, 6)
        for activity in ("Jogging", "Walking")
        for at in range(90)
    ]
    write(tmp_path / "raw", {"WISDM_ar_v1.1_raw.txt": "\n".join(lines) + "\n"})
    for path, key in (("raw/WISDM_ar_v1.1_raw.txt", "path"), ("raw", "folder")):
        _, made = starts(tmp_path, path)
        source = made.dataset.source.model_dump(exclude_defaults=True)
        assert source == {"kind": "wisdm", key: path}
    time = made.dataset.time
    assert time is not None
    assert (time.column, time.unit, time.interval_s) == ("time", "ns", 0.05)
    assert (made.dataset.target.column, made.dataset.group) == ("activity", "user")
    assert prepared(tmp_path, made).labels == ("Jogging", "Walking")
    untimed = [",".join((*line.split(",")[:2], *line.split(",")[3:])) for line in lines]
    write(tmp_path / "copy", {"data_33.txt": "\n".join(untimed) + "\n"})
    _, made = starts(tmp_path, "copy")
    assert (made.dataset.source.kind, made.dataset.time) == ("wisdm", None)
    assert [one.name for one in made.dataset.inputs.features] == ["x", "z"], "y is the same in all"
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:03\nsize 386308\n"
    write(tmp_path / "lfs", {"data_1600.txt": pointer})
    with pytest.raises(MlforgeError, match="this is Git LFS's note"):
        look("lfs", tmp_path)
    write(tmp_path, {"x.txt": "a,b\n" + "".join(f"{at},{at % 7}\n" for at in range(60))})
    assert look("x.txt", tmp_path).source["kind"] == "csv"
    write(tmp_path, {"x.txt": "".join(f"1,{at % 2},{at},0.5,{at % 7},2\n" for at in range(60))})
    assert look("x.txt", tmp_path).source["kind"] == "csv", "a table without a header"


def test_wfdb(tmp_path: Path) -> None:
    """Beats are what lies around them; a header alone is its record."""
    folder = tmp_path / "records"
    folder.mkdir()
    for at in range(6):
        name = f"r{at}"
        signal = (np.tile(WAVE, 3) * 1000).astype("<i2")
        (folder / f"{name}.dat").write_bytes(signal.tobytes())
        head = [f"{name} 1 100 {len(signal)}", f"{name}.dat 16 200(0)/mV 16 0 0 0 0 ECG", ""]
        (folder / f"{name}.hea").write_text("\n".join(head))
        places = np.arange(100, 1100, 100)
        wfdb.wrann(name, "atr", places, symbol=list("NNVNNVNNVN"), write_dir=str(folder))
    text, made = starts(tmp_path, "records")
    assert "annotations: {annotator: atr, before: 25, after: 45}}" in text
    assert "  # CHECK: annotations: which of them, and the rows around each" in text
    assert made.dataset.window is not None
    assert made.dataset.window.length == 70
    assert made.dataset.group == "record"
    assert prepared(tmp_path, made).labels == ("N", "V")
    text, _ = starts(tmp_path, "records/r3.hea")
    assert "records: [r3]" in text
    for file in folder.glob("*.atr"):
        file.write_text("1.5,2.25\n" * 20)
    found = look("records", tmp_path)
    assert found.source == {"kind": "wfdb", "path": "records"}


def test_a_rare_beat_leaves_each_recording_an_example(tmp_path: Path) -> None:
    """One that is there once is in no split but one; the others are not cut for it."""
    head = "@problemName M\n@timeStamps false\n@univariate true\n@classLabel true N V A\n@data\n"
    lines = (f"{','.join(map(str, WAVE[at : at + 30]))}:{'NV'[at % 2]}\n" for at in range(20))
    (tmp_path / "beats.ts").write_text(head + "".join(lines) + f"{','.join(['1'] * 30)}:A\n")
    _, made = starts(tmp_path, "beats.ts")
    assert made.dataset.window is not None
    assert (made.dataset.window.length, made.dataset.split.rule) == (30, "random_recording")


def test_a_number_of_each_recording_is_told_from_all_of_it(tmp_path: Path) -> None:
    """As the other files of the archive of `.ts` have one, which are many."""
    head = "@problemName C\n@timeStamps false\n@univariate true\n@targetLabel true\n@data\n"
    lines = (f"{','.join(map(str, WAVE[at : at + 20]))}:{at / 7}\n" for at in range(60))
    (tmp_path / "C.ts").write_text(head + "".join(lines))
    _, made = starts(tmp_path, "C.ts")
    assert made.dataset.window is not None
    assert (made.dataset.window.length, made.dataset.window.stride) == (20, 20)
    assert made.dataset.window.horizon in (0, None)
    assert [one.name for one in made.dataset.target.outputs] == ["target"]


def test_what_numbers_rows_is_no_input(tmp_path: Path) -> None:
    """By its name, and as no two rows have the same."""
    lines = [f"{(at * 37) % 400},{WAVE[at]},{at % 9},{'ab'[at % 2]}" for at in range(400)]
    write(tmp_path, {"x.csv": "unique_id,u,v,class\n" + "\n".join(lines) + "\n"})
    _, made = starts(tmp_path, "x.csv")
    assert [one.name for one in made.dataset.inputs.features] == ["u", "v"]


def test_windows_in_lines(tmp_path: Path) -> None:
    """A file a class; how numbers lie is what makes neighbours alike, and has to be checked."""
    random = np.random.default_rng(3)
    for label, rate in (("slow", 5), ("fast", 2)):
        lines = [three_axes(rate, phase) for phase in random.uniform(0, 6, size=10)]
        text = "\n".join(" ".join(f"{one:.3f}" for one in line) + " " for line in lines)
        write(tmp_path / "nano", {f"{label}.csv": text})
    text, made = starts(tmp_path, "nano")
    source = made.dataset.source
    assert source.kind == "window_lines"
    assert (source.channels, source.order, source.delimiter) == (3, "interleaved", " ")
    assert "  # CHECK: channels and order, which nothing says: 96 numbers a line" in text
    assert made.dataset.window is not None
    assert made.dataset.window.length == 32
    card = prepared(tmp_path, made)
    assert card.labels == ("fast", "slow")
    assert all(all(one.class_counts) for one in card.splits)
    write(tmp_path / "nano", dict.fromkeys(("fast.csv", "slow.csv"), "1,2\n3,4\n"))
    assert look("nano", tmp_path).source["kind"] == "folder"


def three_axes(rate: float, phase: float) -> list[float]:
    """A line of NanoEdge: 32 samples of three quantities at different levels."""
    at = np.arange(32)
    axes = [np.sin(at / rate + phase), 9.8 + np.cos(at / rate + phase), np.full(32, -4.0)]
    return np.stack(axes, axis=1).ravel().tolist()


def test_how_lines_lie() -> None:
    """All of one quantity after the other jump where the next one begins; noise says nothing."""
    line = np.array([three_axes(5, phase) for phase in (0.0, 1.0)])
    by_channel = line.reshape(2, 32, 3).transpose(0, 2, 1).reshape(2, 96)
    assert layout(line) == {"channels": 3, "order": "interleaved"}
    assert layout(by_channel) == {"channels": 3, "order": "by_channel"}
    noise = np.random.default_rng(1).normal(size=(20, 96))
    assert layout(noise)["channels"] == 1
    for text, form in (
        (";".join(["1,5"] * 40), {"delimiter": ";", "decimal": ","}),
        (",".join(["-1.5e-3"] * 40) + ",", {}),
    ):
        found = numbers_of([text, text])
        assert found is not None
        assert (found[0], found[1].shape) == (form, (2, 40))
    assert numbers_of([",".join(["x"] * 40)] * 2) is None
    assert numbers_of([",".join(["1"] * 40)]) is None


def test_sound_is_heard_for_a_while(tmp_path: Path) -> None:
    """64 samples of it would be 13 ms."""
    for at in range(8):
        path = tmp_path / "sound" / ("on", "off")[at % 2] / f"{at}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.tile(WAVE, 6), 4800)
    _, made = starts(tmp_path, "sound")
    assert made.dataset.window is not None
    assert (made.dataset.window.length, made.dataset.window.stride) == (1200, 600)
    assert made.dataset.split.rule == "random_recording"
    assert all(all(one.class_counts) for one in prepared(tmp_path, made).splits)


@pytest.mark.parametrize(
    ("name", "normal", "odd"), [("state", "normal", "broken"), ("anomaly", "0", "1")]
)
def test_what_is_normal_may_be_learned_alone(
    name: str, normal: str, odd: str, tmp_path: Path
) -> None:
    """The other task is in comments; with them in place of the lines above it can be run."""
    lines = [f"{WAVE[at]},{at % 9},{odd if at % 10 == 3 else normal}" for at in range(400)]
    write(tmp_path, {"x.csv": f"a,b,{name}\n" + "\n".join(lines) + "\n"})
    text, made = starts(tmp_path, "x.csv")
    assert made.task == "classification"
    for old, new in (
        ("task: classification", "task: anomaly"),
        ("    # normal: ", "    normal: "),
        ("goal: {metric: balanced_accuracy", "# goal: {"),
        ("# goal: {metric: auc", "goal: {metric: auc"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "new.yaml").write_text(text)
    made = loader.load(tmp_path / "new.yaml", tmp_path)
    assert (made.task, made.dataset.target.normal) == ("anomaly", (normal,))
    assert prepared(tmp_path, made).left_out > 0


def test_classes_past_the_first_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data is often sorted by class; what is packed has to be unpacked."""
    monkeypatch.setattr("mlforge_tasks.datasets._column.LOOKED_AT", 50)
    lines = [f"{WAVE[at]},{'ab'[at // 200]}" for at in range(400)]
    write(tmp_path, {"x.csv": "v,class\n" + "\n".join(lines) + "\n", "x.zip": "PK"})
    _, made = starts(tmp_path, "x.csv")
    assert made.dataset.target.labels == ("a", "b")
    with pytest.raises(MlforgeError, match="no kind of source") as caught:
        look("x.zip", tmp_path)
    assert "unpack it" in str(caught.value)


def test_what_is_missing_in_a_format_of_its_own(tmp_path: Path) -> None:
    """ARFF says it with a question mark, so there is no list of texts for it."""
    lines = [f"{'?' if at % 9 == 4 else WAVE[at]},{at % 7},{'ab'[at % 2]}" for at in range(90)]
    head = "@relation r\n@attribute u numeric\n@attribute v numeric\n@attribute kind {a,b}\n@data\n"
    write(tmp_path, {"x.arff": head + "\n".join(lines) + "\n"})
    _, made = starts(tmp_path, "x.arff")
    assert made.dataset.missing is not None
    assert made.dataset.missing.rule == "drop"
    assert prepared(tmp_path, made).labels == ("a", "b")
