"""A loaded source to arrays and their data card."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlforge_tasks.contract.data_card import (
    SPLITS,
    ArrayCard,
    Baseline,
    DataCard,
    FeatureCard,
    SplitCard,
)
from mlforge_tasks.contract.dataset import ComputedScaling
from mlforge_tasks.datasets import _scaling
from mlforge_tasks.datasets._examples import (
    ONE_ROW,
    Examples,
    Rows,
    covered,
    make_examples,
    read_rows,
)
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split
    from mlforge_tasks.contract.dataset import Channel, DatasetSpec
    from mlforge_tasks.datasets import Loaded

    Splits = Mapping[Split, Examples]


@dataclass(frozen=True)
class Prepared:
    """What the dataset stage writes: files by name, and the card."""

    files: Mapping[str, bytes]
    card: DataCard


def prepare(spec: DatasetSpec, loaded: Loaded) -> Prepared:
    """Windows, splits, normalises and describes a data set.

    Raises:
        MlforgeError: The data is not as the contract says.
    """
    table = loaded.table
    rows = read_rows(spec, table)
    splits = make_examples(spec, table, rows)
    train = splits["train"]
    if spec.calibration.count > len(train.starts):
        raise MlforgeError(
            f"{table.where}: dataset.calibration.count: found {spec.calibration.count}, wanted at "
            f"most {len(train.starts)}, the number of training examples"
        )
    window = spec.window or ONE_ROW
    raw = rows.features[covered(train.starts, table.rows, window.length)]
    inputs = _scaling.fit(spec.scaling, raw)
    arrays = _arrays(spec, splits, inputs)
    files = {f"{name}.npy": _npy_bytes(array) for name, array in arrays.items()}
    return Prepared(
        files,
        DataCard(
            **_interface(spec, train, raw, inputs),
            rows=table.rows,
            splits=tuple(_split_card(spec, rows, name, splits[name]) for name in SPLITS),
            calibration_examples=spec.calibration.count,
            split_rule=spec.split,
            window=spec.window,
            baselines=tuple(_baselines(spec, splits)),
            **_digests(arrays, files),
            licence=spec.licence,
            source=loaded.card,
        ),
    )


def _interface(
    spec: DatasetSpec,
    train: Examples,
    raw: NDArray[np.float32],
    inputs: _scaling.Normalisation,
) -> dict[str, Any]:
    """The card's fields about what goes in and comes out."""
    target = spec.target
    outputs = None if target.labels else _scaling.fit(ComputedScaling(rule="standard"), train.y)
    return {
        "task": spec.task,
        "input_shape": train.x.shape[1:],
        "output_count": len(target.labels or target.outputs),
        "labels": target.labels,
        "features": _feature_cards(spec.inputs.features, raw),
        "outputs": _feature_cards(target.outputs, train.y),
        "input_mean": inputs.mean.tolist(),
        "input_scale": inputs.scale.tolist(),
        "target_mean": outputs.mean.tolist() if outputs else (),
        "target_scale": outputs.scale.tolist() if outputs else (),
    }


def _digests(arrays: Mapping[str, NDArray[Any]], files: Mapping[str, bytes]) -> dict[str, Any]:
    """The card's fields about the files."""
    listed = [
        ArrayCard(
            name=name,
            shape=array.shape,
            dtype=str(array.dtype),
            sha256=sha256_bytes(files[f"{name}.npy"]),
        )
        for name, array in arrays.items()
    ]
    digest = sha256_bytes(canonical_json([one.model_dump(mode="json") for one in listed]))
    return {"arrays": tuple(listed), "digest": digest}


def _arrays(
    spec: DatasetSpec, splits: Splits, inputs: _scaling.Normalisation
) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name in SPLITS:
        arrays[f"{name}_x"] = inputs.apply(splits[name].x)
        arrays[f"{name}_y"] = np.ascontiguousarray(splits[name].y)
    arrays["calibration_x"] = arrays["train_x"][calibration_rows(spec, len(arrays["train_x"]))]
    return arrays


def calibration_rows(spec: DatasetSpec, examples: int) -> NDArray[np.int64]:
    """Which training examples calibrate, in their order."""
    random = np.random.default_rng(spec.calibration.seed)
    return np.sort(random.permutation(examples)[: spec.calibration.count])


def _npy_bytes(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _feature_cards(
    channels: tuple[Channel, ...], raw: NDArray[np.float32]
) -> tuple[FeatureCard, ...]:
    return tuple(
        FeatureCard(
            name=channel.name,
            unit=channel.unit,
            minimum=float(raw[..., index].min()),
            maximum=float(raw[..., index].max()),
        )
        for index, channel in enumerate(channels)
    )


def _split_card(spec: DatasetSpec, rows: Rows, name: Split, examples: Examples) -> SplitCard:
    span = (spec.window or ONE_ROW).span
    groups = [] if rows.groups is None else np.unique(rows.groups[examples.starts]).tolist()
    classes = len(spec.target.labels)
    return SplitCard(
        name=name,
        examples=len(examples.starts),
        rows=int(covered(examples.starts, len(rows.split), span).sum()),
        class_counts=tuple(np.bincount(examples.y, minlength=classes).tolist()) if classes else (),
        groups=tuple(groups),
    )


def _baselines(spec: DatasetSpec, splits: Splits) -> Iterator[Baseline]:
    """Figures on validation and test of what needs no model."""
    train = splits["train"]
    for name in SPLITS[1:]:
        actual = splits[name].y
        if spec.target.labels:
            majority = int(np.bincount(train.y).argmax())
            accuracy = float((actual == majority).mean())
            yield Baseline(split=name, rule="majority", metric="accuracy", value=accuracy)
            continue
        persistence = _persistence(spec, splits[name])
        guess = train.y.mean(axis=0, dtype=np.float64) if persistence is None else persistence
        error = actual - guess.astype(np.float64)
        rule: Literal["mean", "persistence"] = "mean" if persistence is None else "persistence"
        yield Baseline(split=name, rule=rule, metric="mse", value=float((error**2).mean()))
        yield Baseline(split=name, rule=rule, metric="mae", value=float(np.abs(error).mean()))


def _persistence(spec: DatasetSpec, examples: Examples) -> NDArray[np.float32] | None:
    """The last reading of each output, where the inputs hold its past; [N, outputs]."""
    features = [feature.name for feature in spec.inputs.features]
    outputs = [output.name for output in spec.target.outputs]
    if spec.window is None or not spec.window.horizon or not set(outputs) <= set(features):
        return None
    if examples.x.ndim != 3:
        return None
    return examples.x[:, -1, [features.index(name) for name in outputs]]
