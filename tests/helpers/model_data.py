"""Tiny data sets as the dataset stage would leave them, for the tests of the model stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.data_card import SPLITS, DataCard, FeatureCard, SourceCard
from mlforge_tasks.contract.split import ChronologicalSplit
from mlforge_tasks.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

TARGET_MEAN, TARGET_SCALE = 100.0, 40.0


def card(task: Any, input_shape: tuple[int, ...], output_count: int, **changes: Any) -> DataCard:
    """A data card with just enough in it."""
    regression = task == "regression"
    features = tuple(
        FeatureCard(name=f"feature {i}", unit="mV", minimum=-1.0, maximum=1.0)
        for i in range(input_shape[-1])
    )
    outputs = tuple(
        FeatureCard(name=f"output {i}", unit="mg/dL", minimum=0.0, maximum=200.0)
        for i in range(output_count)
    )
    fields: dict[str, Any] = {
        "task": task,
        "input_shape": input_shape,
        "output_count": output_count,
        "labels": () if regression else tuple(f"class {i}" for i in range(output_count)),
        "features": features,
        "outputs": outputs if regression else (),
        "input_mean": (0.5,) * input_shape[-1],
        "input_scale": (2.0,) * input_shape[-1],
        "target_mean": (TARGET_MEAN,) * output_count if regression else (),
        "target_scale": (TARGET_SCALE,) * output_count if regression else (),
        "rows": 0,
        "splits": (),
        "calibration_examples": 0,
        "split_rule": ChronologicalSplit(rule="chronological", validation=0.2, test=0.2),
        "window": None,
        "baselines": (),
        "arrays": (),
        "digest": "0" * 64,
        "licence": "none",
        "source": SourceCard(kind="csv", name="made up", member=None, sha256="0" * 64),
    }
    return DataCard.model_validate(fields | changes)


def _targets(x: NDArray[np.float32], about: DataCard) -> NDArray[Any]:
    """Something that can be learned: the mean of an input's first half, minus the second's."""
    flat = x.reshape(len(x), -1)
    half = flat.shape[1] // 2
    signal = flat[:, :half].mean(1) - flat[:, half:].mean(1)
    if about.task == "regression":
        steps = np.arange(about.output_count)
        targets = TARGET_MEAN + TARGET_SCALE * (signal[:, None] + 0.1 * steps)
        return np.asarray(targets, np.float32)
    edges = np.quantile(signal, np.linspace(0, 1, about.output_count + 1)[1:-1])
    return np.asarray(np.digitize(signal, edges), np.int32)


def write_dataset(
    folder: Path,
    about: DataCard,
    examples: int = 96,
    calibration: NDArray[np.float32] | None = None,
) -> Path:
    """Writes every file of a dataset stage; each split has `examples`."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(7)
    inputs: dict[str, NDArray[np.float32]] = {}
    for name in SPLITS:
        inputs[name] = random.standard_normal((examples, *about.input_shape)).astype(np.float32)
        np.save(folder / f"{name}_y.npy", _targets(inputs[name], about))
    some = random.standard_normal((16, *about.input_shape)).astype(np.float32)
    inputs["calibration"] = some if calibration is None else calibration
    write_rows(folder, inputs)
    about.write(folder / "data_card.json")
    about.without_text().write(folder / "examples.json")
    return folder


def write_rows(folder: Path, inputs: Mapping[str, NDArray[np.float32]]) -> None:
    """Writes the inputs of splits, one after the other, each example a row."""
    rows, at = np.concatenate(list(inputs.values())), 0
    for name, mine in inputs.items():
        Windows(rows, np.arange(at, at + len(mine))).write(folder, name)
        at += len(mine)
