"""What needs no network: the last reading, mean, median, the most frequent class, a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.data_card import SPLITS, Baseline
from mlforge_tasks.datasets import _linear
from mlforge_tasks.verdict import figures
from mlforge_tasks.verdict.reconstruction import of_scores, squared_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import BaselineRule, DataCard, Split
    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.datasets._examples import Examples
    from mlforge_tasks.datasets._scaling import Normalisation

    Splits = Mapping[Split, Examples]
    Outputs = NDArray[np.float32]

# Those that a model is held against.
JUDGED: tuple[Split, ...] = SPLITS[1:]


def without_model(
    spec: DatasetSpec, splits: Splits, inputs: Normalisation
) -> dict[tuple[BaselineRule, Split], Outputs]:
    """What each rule gives for the validation and test splits, as a model would.

    Args:
        spec: The contract's section.
        splits: Examples with normalised inputs.
        inputs: How they were normalised.

    Returns:
        [N, outputs] in original units, or [N, classes]: more for what is likelier; for anomaly
        [N, 2], of which the second is a score.
    """
    if spec.target.normal:
        return {("distance", name): _distances(splits["train"], splits[name]) for name in JUDGED}
    found: dict[tuple[BaselineRule, Split], Outputs] = {}
    wanted = {name: _wanted(spec, one) for name, one in splits.items()}
    usual = _usual(spec, wanted["train"])
    train, validation = splits["train"], splits["validation"]
    linear = _linear.fit(train.x, wanted["train"], validation.x, wanted["validation"])
    for name in JUDGED:
        examples = splits[name]
        for rule, one in usual.items():
            found[rule, name] = np.tile(one.astype(np.float32), (len(examples.starts), 1))
        last = _persistence(spec, examples, inputs)
        if last is not None:
            found["persistence", name] = last
        if linear is not None:
            found["linear", name] = linear(examples.x)
    return found


def _usual(spec: DatasetSpec, wanted: Outputs) -> dict[BaselineRule, NDArray[np.float64]]:
    """What is said of each example alike; nothing has a lower absolute error than the median."""
    mean = wanted.mean(axis=0, dtype=np.float64)
    if spec.target.labels:
        return {"majority": mean}
    return {"mean": mean, "median": np.median(wanted, axis=0).astype(np.float64)}


def _distances(train: Examples, examples: Examples) -> Outputs:
    """How far examples are from the mean of what is normal, as if that were the reconstruction."""
    mean = sum(batch.sum(axis=0, dtype=np.float64) for batch in train.x.batches()) / len(train.y)
    back = np.tile(mean.astype(np.float32).reshape(1, -1), (len(examples.y), 1))
    return of_scores(squared_errors(back, examples.x)).astype(np.float32)


def told(
    outputs: Mapping[tuple[BaselineRule, Split], Outputs], splits: Splits, card: DataCard
) -> Iterator[Baseline]:
    """The standard figures of each rule, for the data card."""
    for (rule, name), found in outputs.items():
        scores = figures.scores(found.astype(np.float64), splits[name].y, card)
        for metric, value in scores.items():
            yield Baseline(split=name, rule=rule, metric=metric, value=value)


def _wanted(spec: DatasetSpec, examples: Examples) -> NDArray[np.float32]:
    """What a model should give: the targets, or 1 for the right class."""
    targets: Outputs = examples.y
    if spec.target.task == "multilabel":
        return examples.y.astype(np.float32)
    if spec.target.labels:
        targets = np.eye(len(spec.target.labels), dtype=np.float32)[examples.y]
    return targets


def _persistence(spec: DatasetSpec, examples: Examples, inputs: Normalisation) -> Outputs | None:
    """The last reading of each output, where the inputs hold its past; [N, outputs]."""
    features = [feature.name for feature in spec.inputs.features]
    quantities = [one.name for one in spec.target.outputs]
    if spec.window is None or 0 in spec.window.horizons or not set(quantities) <= set(features):
        return None
    if not quantities or examples.x.rows.ndim != 2:
        return None
    last = examples.x.rows[examples.starts + spec.window.length - 1]
    chosen = [features.index(quantities[one.quantity]) for one in spec.outputs]
    raw: Outputs = last[:, chosen] * inputs.scale[chosen] + inputs.mean[chosen]
    return raw
