"""The `dataset:` section refuses what cannot work, with the place and what was wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlforge_tasks.contract.dataset import DatasetSpec
from mlforge_tasks.contract.sources.base import names_below
from mlforge_tasks.errors import ContractError, MlforgeError
from mlforge_tasks.yaml_file import read_model
from tests.helpers.datasets import FORECAST, SORTING, spec

if TYPE_CHECKING:
    from collections.abc import Callable

WHEEL = {
    "kind": "wheel",
    "package": "some-data",
    "version": "1.0",
    "sha256": "0" * 64,
    "member": "some_data/x.csv.gz",
}


def read(folder: Path, sections: dict[str, Any]) -> DatasetSpec:
    """Reads a spec as the contract loader does."""
    file = folder / "dataset.yaml"
    file.write_text(yaml.safe_dump(sections, sort_keys=False))
    return read_model(file, DatasetSpec, context={"project_root": folder})


def test_what_is_read_comes_back_from_its_json(tmp_path: Path) -> None:
    """The stage reads the same spec from its request as the loader read from YAML."""
    (tmp_path / "data.csv").write_text("level\n1\n")
    time = {"column": "at", "interval": "5 min", "tolerance": "30 s"}
    read_spec = read(tmp_path, {**FORECAST, "time": time})
    assert read_spec.time is not None
    assert (read_spec.time.interval_s, read_spec.time.tolerance_s) == (300.0, 30.0)
    dumped = json.loads(json.dumps(read_spec.model_dump(mode="json")))
    assert DatasetSpec.model_validate(dumped, by_name=True) == read_spec


def test_numbers_stand_for_names(tmp_path: Path) -> None:
    """Labels, values, groups and columns that are numbers need no quotes."""
    (tmp_path / "data.csv").write_text("a\n1\n")
    sections = {
        **SORTING,
        "target": {"column": 784, "labels": [0, 1], "values": [1, 2]},
        "group": 3,
        "split": {"rule": "group", "validation": [1], "test": [2]},
    }
    target = read(tmp_path, sections).target
    assert (target.column, target.labels, target.raw_values) == ("784", ("0", "1"), ("1", "2"))


def test_source_files(tmp_path: Path) -> None:
    """A file of the project is named for the stage's key; a wheel is in the key by its digest."""
    assert spec(FORECAST).source.files(tmp_path) == (Path("data.csv"),)
    assert spec(FORECAST, source=WHEEL).source.files(tmp_path) == ()


def test_columns_with_axes() -> None:
    """What shape an example has is known early of a table, and only from the data of arrays."""
    sources = {
        "csv": FORECAST["source"],
        "npz": {"kind": "npz", "path": "data.npz"},
        "wheel of text": WHEEL,
        "wheel of arrays": {**WHEEL, "member": "some_data/x.npy"},
    }
    shapes = {name: spec(FORECAST, source=one).input_shape for name, one in sources.items()}
    table, arrays = (3, 1), None
    assert list(shapes.values()) == [table, arrays, table, arrays]


def test_names_below_a_folder(tmp_path: Path) -> None:
    """All files however deep, but for what is hidden, links to folders, and what is no file."""
    inside = tmp_path / "data" / "walk" / "7"
    inside.mkdir(parents=True)
    for name in ("a.csv", ".DS_Store", "two words.csv"):
        (inside / name).write_text("x")
    (tmp_path / "data" / ".git").mkdir()
    (tmp_path / "data" / ".git" / "b.csv").write_text("x")
    (tmp_path / "data" / "again").symlink_to(inside)
    (tmp_path / "data" / "link.csv").symlink_to(inside / "a.csv")
    os.mkfifo(tmp_path / "data" / "pipe.csv")
    names = sorted(names_below(tmp_path, "data"))
    assert names == ["link.csv", "walk/7/a.csv", "walk/7/two words.csv"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: (folder / "a.csv").symlink_to("/etc/passwd"), "data/a.csv: .*leads out"),
        (lambda folder: (folder / "a\nb.csv").write_text(""), r"named 'a\\nb\.csv'"),
        (lambda folder: folder.rmdir(), "data/: cannot be read"),
    ],
)
def test_folders_that_are_refused(
    make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    """A link out of the project, a name that no message can show, a folder that went."""
    (tmp_path / "data").mkdir()
    make(tmp_path / "data")
    with pytest.raises(MlforgeError, match=message):
        list(names_below(tmp_path, "data"))


def test_shares_of_a_split_are_numbers_or_percentages(tmp_path: Path) -> None:
    """Those of what is to be drawn from what a column leaves, too."""
    (tmp_path / "data.csv").write_text("level\n1\n")
    for share in (0.2, "20 %"):
        shares = {"rule": "chronological", "validation": share, "test": share}
        split = read(tmp_path, {**FORECAST, "split": shares}).split.model_dump()
        assert split == {"rule": "chronological", "validation": 0.2, "test": 0.2}
        drawn = read(tmp_path, {**FORECAST, "split": {**COLUMN, "validation": share}}).split
        assert drawn.model_dump()["validation"] == 0.2


def test_task() -> None:
    """The target says what the task is."""
    assert (spec(FORECAST).task, spec(SORTING).task) == ("regression", "classification")
    assert spec(SORTING, target={**SORTING["target"], "normal": ["cat"]}).task == "anomaly"


def test_what_is_not_normal_is_one_class() -> None:
    """However many labels there are, an anomaly's model tells two things apart."""
    labels = {"column": "k", "labels": ["on", "hot", "off", "loud"], "normal": ["on", "off"]}
    assert spec(SORTING, target=labels).target.classes == ("on or off", "hot or loud")
    assert spec(SORTING).target.classes == ("cat", "dog")


def with_(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The sections with one field set, or left out where the value is None."""
    sections: dict[str, Any] = json.loads(json.dumps(base))
    *parents, last = path.split(".")
    inside = sections
    for parent in parents:
        inside = inside.setdefault(parent, {})
    inside[last] = value
    if value is None:
        del inside[last]
    return sections


LABELS = {"column": "k", "labels": ["x", "y"]}
OUTPUTS = {"outputs": [{"name": "level", "unit": "m"}]}
GROUP = {"rule": "group", "validation": ["1"], "test": ["2"]}
COLUMN = {"rule": "column", "column": "part", "validation": ["a"], "test": ["b"]}
CASES = [
    (with_(FORECAST, "licence", None), "licence", "the key 'licence'"),
    (with_(FORECAST, "licence", 'a"b'), "licence", "1 to 64 characters"),
    (with_(FORECAST, "source.path", "/etc/passwd"), "source.path", "inside the project"),
    (with_(FORECAST, "source.path", "a/../../b.csv"), "source.path", "inside the project"),
    (with_(FORECAST, "source.path", "out/b.csv"), "source.path", "leads out of it"),
    (with_(FORECAST, "source.path", "nothing.csv"), "source.path", "there is none"),
    (with_(FORECAST, "source.path", "x" * 5000), "source.path", "there is none"),
    (with_(FORECAST, "source.kind", "cvs"), "source.kind", "did you mean 'csv'"),
    (with_(FORECAST, "source", {**WHEEL, "sha256": "0" * 63}), "source.sha256", "64 hex"),
    (with_(FORECAST, "source", {**WHEEL, "version": 2026.1}), "source.version", "quotes"),
    (
        with_(FORECAST, "source", {**WHEEL, "package": "-r x"}),
        "source.package",
        "the name of a package",
    ),
    (with_(FORECAST, "source", {**WHEEL, "member": "a.pkl"}), "source.member", "ends with"),
    (with_(FORECAST, "target", {}), "target", "either outputs"),
    (with_(FORECAST, "target", {**LABELS, **OUTPUTS}), "target", "either outputs"),
    (with_(FORECAST, "target.values", ["1"]), "target.values", "only beside labels"),
    (with_(FORECAST, "target.normal", ["1"]), "target.normal", "only beside labels"),
    (with_(SORTING, "target.normal", ["cow"]), "target.normal", "some of the labels"),
    (with_(SORTING, "target.normal", ["dog", "cat"]), "target.normal", "that is not normal"),
    (with_(SORTING, "target.normal", ["dog", "dog"]), "target.normal", "each name once"),
    (with_(SORTING, "target.labels", ["x"]), "target.labels", "at least 2"),
    (with_(SORTING, "target.labels", ["x", "x"]), "target.labels", "each name once"),
    (with_(SORTING, "target.values", ["1"]), "target.values", "one per label"),
    (with_(SORTING, "target.column", None), "target", "the key 'column'"),
    (with_(FORECAST, "inputs.features", []), "inputs.features", "at least one entry"),
    (with_(FORECAST, "inputs.shape", [4, 2]), "inputs.shape", "number of features"),
    (with_(FORECAST, "window.length", 0), "window.length", "at least 1"),
    (with_(FORECAST, "window.length", "3"), "window.length", "whole number"),
    (with_(FORECAST, "window.stride", 1.5), "window.stride", "whole number"),
    (with_(FORECAST, "window.horizon", "3"), "window.horizon", "a number of rows, or a list"),
    (with_(FORECAST, "window.horizon", []), "window.horizon", "a number of rows, or a list"),
    (with_(FORECAST, "window.horizon", [1, True]), "window.horizon", "a number of rows, or a list"),
    (with_(FORECAST, "window.horizon", [1, -2]), "window.horizon", "at least 0 rows"),
    (with_(FORECAST, "window.horizon", [1, 10**20]), "window.horizon", "at most 1,000,000,000,000"),
    (with_(FORECAST, "window.length", 10**20), "window.length", "at most 1e+12"),
    (with_(FORECAST, "window.horizon", [1, 2, 1]), "window.horizon", "each horizon once"),
    (with_(FORECAST, "window.strid", 2), "window.strid", "did you mean 'stride'"),
    (with_(FORECAST, "split.test", 0.8), "split.test", "less than 1 - 0.2"),
    (with_(FORECAST, "split.test", float("nan")), "split.test", "finite"),
    (with_(FORECAST, "split.test", "20"), "split.test", "a number"),
    (with_(FORECAST, "split.test", "120 %"), "split.test", "from 0 to 100 %"),
    (with_(FORECAST, "split.rule", "chronologic"), "split.rule", "did you mean 'chronological'"),
    (with_(FORECAST, "split", GROUP), "(document)", "the key 'group'"),
    (with_(FORECAST, "split", {**COLUMN, "test": ["a"]}), "split.test", "not in validation"),
    (with_(FORECAST, "split", {**COLUMN, "validation": []}), "split.validation", "a share"),
    (with_(FORECAST, "split", {**COLUMN, "validation": 1.0}), "split.validation", "a share"),
    (with_(FORECAST, "split", {**COLUMN, "validation": [0.5]}), "split.validation", "a share"),
    (
        with_({**FORECAST, "group": "g"}, "split", {**GROUP, "test": ["1"]}),
        "split.test",
        "not in validation",
    ),
    (
        with_(FORECAST, "split", {**SORTING["split"]}),
        "split.rule",
        "since windows share rows",
    ),
    (with_(SORTING, "group", "g"), "split.rule", "rows of a group belong together"),
    (
        with_(
            {**FORECAST, "group": "g"}, "split", {**SORTING["split"], "rule": "random_recording"}
        ),
        "split.rule",
        "recordings of a group belong together",
    ),
    (
        with_(SORTING, "time", {"column": "t", "interval": "1 s", "tolerance": "1 ms"}),
        "time",
        "window",
    ),
    (
        with_({**SORTING, "split": FORECAST["split"]}, "window", {"length": 2, "horizon": 1}),
        "window.horizon",
        "no horizon",
    ),
    (
        with_(FORECAST, "time", {"column": "t", "interval": 5, "tolerance": "1 s"}),
        "time.interval",
        "unit is missing",
    ),
    (
        with_(SORTING, "scaling", {"rule": "fixed", "mean": [0, 0, 0], "scale": [1]}),
        "scaling.mean",
        "one per feature",
    ),
    (
        with_(SORTING, "scaling", {"rule": "fixed", "mean": [0], "scale": [0]}),
        "scaling.scale.0",
        "at least 1e-30",
    ),
]


OTHERS = {"path": "others"}
FOLDER = {"kind": "folder", "path": "data", "files": "{k}/*.csv"}
CASES += [
    (with_(FORECAST, "source", {**FOLDER, **changes}), f"source.{field}", wanted)
    for field, changes, wanted in (
        ("path", {"path": "data.csv"}, "a folder of the project (there is none"),
        ("path", {"path": "nothing"}, "a folder of the project (there is none"),
        ("path", {"path": "out"}, "leads out of it"),
        ("files", {"files": "*.csv"}, "none of 1 files has, such as 'walk/a.csv'"),
        ("files", {"files": "{k}/{k}.csv"}, "each name once"),
        ("rate", {"rate": 16}, "a frequency such as '16 kHz'"),
        ("resample", {**OTHERS, "files": "*.wav", "resample": True}, "'resample' with 'rate'"),
        ("resample", {**OTHERS, "files": "*.png", "resample": True}, "they have no times"),
        ("images", {"images": {"channels": 1}}, "since the files are none"),
        ("images.size", {"files": "{k}/*", "images": {"size": [96]}}, "height and width"),
        ("labels.path", {"labels": {"path": "labels.csv"}}, "a file of the project"),
    )
]


@pytest.mark.parametrize(("sections", "field", "wanted"), CASES)
def test_mistakes(sections: dict[str, Any], field: str, wanted: str, tmp_path: Path) -> None:
    """Each mistake is one problem at its field that says what is wanted."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "data.csv").write_text("level\n1\n")
    (tmp_path / "project" / "data" / "walk").mkdir(parents=True)
    (tmp_path / "project" / "data" / "walk" / "a.csv").write_text("level\n1\n")
    (tmp_path / "project" / "others").mkdir()
    for name in ("a.wav", "a.png"):
        (tmp_path / "project" / "others" / name).write_text("")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.csv").write_text("level\n1\n")
    (tmp_path / "project" / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ContractError) as caught:
        read(tmp_path / "project", sections)
    (problem,) = caught.value.problems
    assert problem.field == field.replace("(document)", "")
    assert wanted in str(problem)


def test_spec_is_light() -> None:
    """Reading a contract loads no numerical library."""
    code = "import sys, mlforge_tasks.contract.data_card; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
