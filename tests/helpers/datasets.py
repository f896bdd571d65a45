"""Small data sets for the dataset tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlforge_tasks.contract.data_card import SPLITS, DataCard, SourceCard
from mlforge_tasks.contract.dataset import DatasetSpec
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._prepare import Prepared, prepare
from mlforge_tasks.datasets._table import Table
from mlforge_tasks.stages import dataset
from mlforge_tasks.windows import Windows

FORECAST: dict[str, Any] = {
    "licence": "CC0-1.0",
    "source": {"kind": "csv", "path": "data.csv"},
    "inputs": {"features": [{"name": "level", "unit": "m"}]},
    "target": {"outputs": [{"name": "level", "unit": "m"}]},
    "window": {"length": 3, "horizon": 2},
    "split": {"rule": "chronological", "validation": 0.2, "test": 0.2},
    "calibration": {"count": 1},
}

SORTING: dict[str, Any] = {
    "licence": "CC0-1.0",
    "source": {"kind": "csv", "path": "data.csv"},
    "inputs": {"features": [{"name": "a", "unit": "V"}, {"name": "b", "unit": "V"}]},
    "target": {"column": "kind", "labels": ["cat", "dog"]},
    "split": {"rule": "random", "validation": 0.25, "test": 0.25, "seed": 3},
    "calibration": {"count": 1},
}


def spec(base: dict[str, Any], **changes: Any) -> DatasetSpec:
    """A spec with some sections replaced; None leaves a section out."""
    sections = {**base, **changes}
    return DatasetSpec.model_validate(
        {name: value for name, value in sections.items() if value is not None}
    )


def loaded(starts: Any = (), **columns: Any) -> Loaded:
    """Columns as a source would give them; `starts` are the first rows of recordings."""
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    first = np.zeros(len(next(iter(arrays.values()))), dtype=np.bool_)
    first[[0, *starts]] = True
    card = SourceCard(kind="csv", name="data.csv", member=None, sha256="0" * 64)
    return Loaded(Table("data.csv", arrays, first), card)


def made(base: dict[str, Any], source: Loaded, **changes: Any) -> dict[str, NDArray[Any]]:
    """All arrays of a prepared data set."""
    return arrays_of(prepare(spec(base, **changes), source))


def arrays_of(prepared: Prepared) -> dict[str, NDArray[Any]]:
    """The arrays by name; of each split, and of what calibrates, `_x` has all examples."""
    arrays = dict(prepared.arrays)
    for name in (*SPLITS, "calibration"):
        starts = arrays[f"{name}_starts"]
        arrays[f"{name}_x"] = Windows(arrays["rows"], starts, prepared.card.window_length)[:]
    return arrays


def run_stage(config: dict[str, Any], folder: Path) -> DataCard:
    """Runs the stage's action for a project that the folder lies in, and reads the card back."""
    folder.mkdir(exist_ok=True)
    dataset.run({"source": folder.parent}, folder, config)
    return DataCard.read(folder / "data_card.json")
