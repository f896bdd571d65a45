"""Folders of Edge Impulse, SensiML and the UCI HAR data set, with what real ones surprise with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import pytest
from pydantic import ValidationError

from mlforge_tasks import datasets
from mlforge_tasks.contract.sources.recorders import SensimlSource
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._edge_impulse import read_acquisition
from mlforge_tasks.errors import MlforgeError, ToolError
from tests.helpers.datasets import SORTING, spec

AXES = [{"name": "b", "units": "m/s2"}, {"name": "a", "units": "m/s2"}]


def acquired(values: list[Any], interval_ms: float = 16, **payload: Any) -> dict[str, Any]:
    """A file as devices send it: what is not known is null."""
    inner = {"device_name": None, "interval_ms": interval_ms, "sensors": AXES, "values": values}
    outer = {"protected": {"ver": "v1", "alg": "none", "iat": None}, "signature": None}
    return {**outer, "payload": {**inner, **payload}}


def write(folder: Path, files: dict[str, Any]) -> None:
    """Files by name: JSON, or text as it is."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text)


def load(root: Path, source: dict[str, Any], *, column: str = "split", **changes: Any) -> Loaded:
    changes.setdefault("group", "file")
    split = {"rule": "column", "column": column, "validation": 0.5, "test": ["test"]}
    target = {"column": "label", "labels": ["on", "off"]}
    plan = spec(SORTING, source=source, split=split, target=target, **changes)
    return datasets.load(plan, root)


def listed(path: str, label: dict[str, Any], category: str = "training") -> dict[str, Any]:
    return {"path": path, "name": "x", "category": category, "label": label}


EXPORT = {"kind": "edge_impulse", "path": "export"}
ON = {"type": "label", "label": "on"}


def test_labels_are_those_of_the_list(tmp_path: Path) -> None:
    """A file's name keeps the label that it had before it was corrected in the studio."""
    files = {
        "training/off.1.json": acquired([[1, 2.5], [3, 4]]),
        "testing/on.2.json": acquired([[5, 6]], interval_ms=16.05),
        "info.labels": {
            "version": 1,
            "files": [
                listed("training/off.1.json", ON),
                {**listed("testing/on.2.json", ON, "testing"), "metadata": {"who": "x"}},
            ],
        },
    }
    write(tmp_path / "export", files)
    table = load(tmp_path, EXPORT).table
    assert table.texts("label").tolist() == ["on"] * 3
    assert table.texts("split").tolist() == ["test", "train", "train"]
    assert table.numbers("a").tolist() == [6, 2.5, 4]
    assert table.place(2) == "export/training/off.1.json, row 1"
    assert load(tmp_path, EXPORT, group="who").table.texts("who").tolist() == ["x", "", ""]


def test_segments_end_with_their_last_sample(tmp_path: Path) -> None:
    """A list that lies within a folder names its files by that folder."""
    segments = [
        {"label": "off", "startIndex": 0, "endIndex": 1},
        {"label": "on", "startIndex": 3, "endIndex": 4},
    ]
    label = {"type": "multi-label", "labels": segments}
    write(
        tmp_path / "export/testing",
        {
            "a.json": acquired([[row, 0] for row in range(5)]),
            "info.labels": {"files": [listed("a.json", label, "testing")]},
        },
    )
    table = load(tmp_path, EXPORT).table
    assert table.numbers("b").tolist() == [0, 1, 3, 4]
    assert table.starts.tolist() == [True, False, True, False]
    assert table.texts("label").tolist() == ["off", "off", "on", "on"]
    segments[1]["endIndex"] = 5
    write(tmp_path / "export/testing", {"info.labels": {"files": [listed("a.json", label)]}})
    with pytest.raises(MlforgeError, match="label 'on' is said of samples 3 to 5 of 5"):
        load(tmp_path, EXPORT)


def test_labels_from_names(tmp_path: Path) -> None:
    """As the uploader makes them; CBOR of indefinite length, and floats of either width."""
    values = (
        b"\x9f\x82\x00\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00\x82\xfa\x40\x20\x00\x00\xf9\x42\x00\xff"
    )
    head = cbor2.dumps({"interval_ms": 16, "sensors": AXES})[1:]
    payload = b"\xa3" + head + cbor2.dumps("values") + values
    (tmp_path / "export").mkdir()
    (tmp_path / "export/on.0.cbor").write_bytes(b"\xa1" + cbor2.dumps("payload") + payload)
    table = load(tmp_path, {**EXPORT, "label": "file_name"}).table
    assert table.numbers("b").tolist() == [0, 2.5]
    assert table.numbers("a").tolist() == [1.5, 3]
    assert table.texts("label").tolist() == ["on", "on"]
    with pytest.raises(MlforgeError, match=r"on\.0\.cbor: this file is in no info\.labels"):
        load(tmp_path, EXPORT)


def test_values_of_one_sensor_may_be_flat() -> None:
    """Of several they may not: which is which would be a guess."""
    audio = acquired([1, -2], interval_ms=1000 / 16000, sensors=[{"name": "audio"}])
    found = read_acquisition(json.dumps(audio).encode(), "a.json")
    assert found.recording.signals["audio"].tolist() == [1, -2]
    assert found.recording.signals["time"].tolist() == [0, 1 / 16000]
    with pytest.raises(MlforgeError, match=r"a\.json: payload\.values: wanted a number for each"):
        read_acquisition(json.dumps(acquired([1, 2])).encode(), "a.json")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{", r"a\.json: not JSON text"),
        (b"[]", r"a\.json: found another kind of value; wanted a file in Edge Impulse's"),
        (b'{"payload": {}}', r"a\.json: found 'payload\.interval_ms' is missing"),
        (
            json.dumps(acquired([[1]])).encode(),
            r"payload\.values: wanted a number for each",
        ),
        (json.dumps(acquired([[1, 2], [3]])).encode(), r"payload\.values"),
        (json.dumps(acquired(["Ref-BINARY-i16"])).encode(), r"payload\.values"),
        (
            json.dumps(acquired([[1, 2]], interval_ms=0)).encode(),
            r"interval_ms' is missing",
        ),
    ],
)
def test_what_is_no_acquisition_file(data: bytes, told: str) -> None:
    """What is wrong is told with its place in the file."""
    with pytest.raises(MlforgeError, match=told):
        read_acquisition(data, "a.json")


@pytest.mark.parametrize("data", [b"\x9b" + b"\xff" * 8, b"\xa1", b""])
def test_what_is_no_cbor(data: bytes) -> None:
    """A length that nothing can hold, and files that are cut."""
    with pytest.raises(MlforgeError, match=r"a\.cbor: "):
        read_acquisition(data, "a.cbor")


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what brings it."""
    monkeypatch.setitem(__import__("sys").modules, "cbor2", None)
    with pytest.raises(ToolError, match="CBOR files need the extra 'cbor'") as caught:
        read_acquisition(b"", "a.cbor")
    assert "./bootstrap --data" in str(caught.value)


def test_intervals_that_differ_are_refused(tmp_path: Path) -> None:
    """Rates are not mixed."""
    write(
        tmp_path / "export",
        {"on.1.json": acquired([[1, 2]]), "on.2.json": acquired([[1, 2]], interval_ms=10)},
    )
    with pytest.raises(MlforgeError, match=r"on\.2\.json: found a sample each 10 ms, where export"):
        load(tmp_path, {**EXPORT, "label": "file_name"})


def test_units_that_differ_are_refused(tmp_path: Path) -> None:
    """A thousand times as much is another signal; a file that says no unit is taken at its word."""
    volts, less = ([{"name": "a", "units": unit}, {"name": "b"}] for unit in ("V", "mV"))
    write(
        tmp_path / "export",
        {
            "on.1.json": acquired([[1, 2]], sensors=volts),
            "on.2.json": acquired([[1, 2]], sensors=[{"name": "a"}, {"name": "b"}]),
            "on.3.json": acquired([[1000, 2]], sensors=less),
        },
    )
    with pytest.raises(
        MlforgeError, match=r"on\.3\.json: sensor 'a' is in mV, where .*1\.json.* V"
    ):
        load(tmp_path, {**EXPORT, "label": "file_name"})


def test_a_listed_file_that_is_not_there(tmp_path: Path) -> None:
    """An export of images has such a list too."""
    write(
        tmp_path / "export",
        {"a.json": acquired([[1, 2]]), "info.labels": {"files": [listed("x.jpg", ON)]}},
    )
    with pytest.raises(MlforgeError, match=r"info\.labels: there is no file 'x\.jpg'") as caught:
        load(tmp_path, EXPORT)
    assert "kind: folder" in str(caught.value)


MANUAL = {
    "session_name": "Manual",
    "segments": [
        {"name": "Label", "value": "on", "start": 1, "end": 2},
        {"name": "Label", "value": "off", "start": 4, "end": 4},
    ],
}
MODEL = {"session_name": "Model", "segments": [{"name": "Label", "value": 0, "start": 0, "end": 4}]}
CAPTURES: list[dict[str, Any]] = [
    {"file_name": "a 1.csv", "metadata": [{"name": "set", "value": "test"}], "sessions": [MANUAL]},
    {"file_name": "b.csv", "sessions": [MODEL, MANUAL]},
    {"file_name": "not labelled.csv", "metadata": []},
]
FAN = {"kind": "sensiml", "path": "fan/Export.dcli"}


def write_fan(root: Path, captures: list[dict[str, Any]]) -> None:
    text = "sequence,a,b\n" + "".join(f"{row},{row * 10},0\n" for row in range(5))
    write(root / "fan", {"Export.dcli": captures, "a 1.csv": text, "b.csv": text})


def test_a_capture_has_sessions_that_differ(tmp_path: Path) -> None:
    """The contract names one; the end of a segment is its last sample; metadata may be missing."""
    write_fan(tmp_path, CAPTURES)
    with pytest.raises(MlforgeError, match=r"found nothing, wanted one of the sessions Manual,"):
        load(tmp_path, FAN, column="set")
    table = load(tmp_path, {**FAN, "session": "Manual"}, column="set").table
    assert table.numbers("a").tolist() == [10, 20, 40, 10, 20, 40]
    assert table.texts("label").tolist() == ["on", "on", "off"] * 2
    assert table.texts("set").tolist() == ["test"] * 3 + [""] * 3
    assert np.flatnonzero(table.starts).tolist() == [0, 2, 3, 5]
    assert table.place(2) == "fan/a 1.csv:6"
    model = load(tmp_path, {**FAN, "session": "Model"}, column="set").table
    assert model.texts("label").tolist() == ["0"] * 5


def test_captures_that_are_not_there(tmp_path: Path) -> None:
    """In repositories they are often notes of Git LFS."""
    write_fan(tmp_path, CAPTURES[:1])
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:03\nsize 386308\n"
    write(tmp_path / "fan", {"a 1.csv": pointer})
    with pytest.raises(MlforgeError, match=r"fan/a 1\.csv: this is Git LFS's note") as caught:
        load(tmp_path, FAN, column="set")
    assert "git lfs pull" in str(caught.value)
    (tmp_path / "fan/a 1.csv").unlink()
    with pytest.raises(MlforgeError, match=r"there is no CSV file 'a 1\.csv' beside it"):
        load(tmp_path, FAN, column="set")


def test_a_segment_past_the_end(tmp_path: Path) -> None:
    """Is told with the file."""
    segments = [{"name": "Label", "value": "on", "start": 1, "end": 5}]
    write_fan(tmp_path, [{**CAPTURES[0], "sessions": [{**MANUAL, "segments": segments}]}])
    with pytest.raises(MlforgeError, match=r"fan/a 1\.csv: its label 'on' is said of samples"):
        load(tmp_path, FAN, column="set")
    with pytest.raises(ValidationError):
        SensimlSource.model_validate({"kind": "sensiml", "path": "Export.dcli"})


HAR = {"kind": "uci_har", "path": "har"}


def har_files() -> dict[str, str]:
    files = {"activity_labels.txt": "1 WALKING\n2 LAYING\n", "README.txt": "x"}
    for split, line in (("train", "  1.5e-001 -2\n  3 4\n"), ("test", " 5 6\n")):
        lines = line.count("\n")
        files |= {
            f"{split}/Inertial Signals/body_acc_x_{split}.txt": line,
            f"{split}/Inertial Signals/body_acc_y_{split}.txt": line,
            f"{split}/X_{split}.txt": " 9 9 9\n" * lines,
            f"{split}/y_{split}.txt": "2\n1\n"[: 2 * lines],
            f"{split}/subject_{split}.txt": "7\n8\n"[: 2 * lines],
        }
    return files


def load_har(root: Path, **changes: Any) -> Loaded:
    target = {"column": "activity", "labels": ["WALKING", "LAYING"]}
    inputs = {"features": [{"name": "body_acc_x", "unit": "g"}]}
    split = {"rule": "column", "column": "split", "validation": 0.5, "test": ["test"]}
    plan = spec(SORTING, source=HAR, target=target, inputs=inputs, split=split, **changes)
    return datasets.load(plan, root)


def test_a_line_is_a_window_in_each_of_the_files(tmp_path: Path) -> None:
    """Numbers have leading blanks and exponents of three digits; features are not signals."""
    write(tmp_path / "har", har_files())
    table = load_har(tmp_path, group="subject").table
    assert table.numbers("body_acc_x").tolist() == [0.15, -2, 3, 4, 5, 6]
    assert table.names == ("body_acc_x", "body_acc_y", "activity", "subject", "split")
    assert "body_acc_y" not in table.columns
    assert table.texts("activity").tolist() == ["LAYING"] * 2 + ["WALKING"] * 2 + ["LAYING"] * 2
    assert table.texts("subject").tolist() == ["7", "7", "8", "8", "7", "7"]
    assert table.texts("split").tolist() == ["train"] * 4 + ["test"] * 2
    assert np.flatnonzero(table.starts).tolist() == [0, 2, 4]
    assert table.place(3) == "har/train/Inertial Signals/body_acc_x_train.txt:2"


def test_a_copy_may_not_say_whose_a_window_is(tmp_path: Path) -> None:
    """Those that were made smaller often lack the files, as they lack the activities' names."""
    files = har_files()
    write(tmp_path / "har", {name: text for name, text in files.items() if "subject" not in name})
    table = load_har(tmp_path).table
    assert table.names == ("body_acc_x", "body_acc_y", "activity", "split")
    assert table.texts("activity").tolist()[:2] == ["LAYING"] * 2


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("train/y_train.txt", "1\n", r"har/train/y_train\.txt: found \[1\] lines"),
        ("train/subject_train.txt", None, r"har/train: there is no file subject_train\.txt"),
        ("test/Inertial Signals/body_acc_x_test.txt", " 5 6\n 7\n", r"x_test\.txt:2: found 1 numb"),
        ("test/Inertial Signals/body_acc_x_test.txt", " 5 x\n", r"x_test\.txt:1: found no numbers"),
        ("test/Inertial Signals/body_acc_x_test.txt", None, "there is no signal that the contract"),
    ],
)
def test_files_that_do_not_fit_each_other(
    name: str, text: str | None, told: str, tmp_path: Path
) -> None:
    """A file that is missing, cut or of another length is named."""
    write(tmp_path / "har", har_files())
    if text is None:
        (tmp_path / "har" / name).unlink()
    else:
        write(tmp_path / "har", {name: text})
    with pytest.raises(MlforgeError, match=told):
        load_har(tmp_path)
