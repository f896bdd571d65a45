"""What scikit-learn reaches on the arrays of a dataset stage: for `datasets`."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge
from sklearn.metrics import (
    balanced_accuracy_score,
    mean_absolute_error,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import LocalOutlierFactor
from threadpoolctl import threadpool_limits

from mlforge_tasks import windows
from mlforge_tasks.yaml_file.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.contract import Contract

JUDGED = ("validation", "test")
SEED = 1
# Boosting looks at each input value in each step; an image has thousands.
MOST_BOOSTED = 4096


@dataclass(frozen=True)
class Reached:
    """What one model reached.

    Attributes:
        name: What it is.
        size: Its size, as a text.
        figures: Of each split, what the goal asks, in that order; None where it was not asked.
    """

    name: str
    size: str
    figures: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class Split:
    """Inputs, [N, values], and targets, [N] or [N, outputs]."""

    x: NDArray[Any]
    y: NDArray[Any]


def compared(contract: Contract, dataset: Path, length: int | None) -> list[Reached]:
    """Trains each model on the training split and judges it on the others.

    Args:
        contract: What is asked.
        dataset: The dataset stage's folder.
        length: Rows of an example, as the data card has it.
    """
    splits = {}
    for name in ("train", *JUDGED):
        examples = windows.read(dataset, name, length)
        x = examples[np.arange(len(examples))].reshape(len(examples), -1)
        splits[name] = Split(x, windows.read_targets(dataset, name))
    models = {
        "regression": _regressors,
        "classification": _classifiers,
        "anomaly": _detectors,
    }[contract.task](contract.training.class_weights, splits["train"].x.shape)
    return [_reached(name, model, contract, splits) for name, model in models.items()]


def _regressors(_weights: str | None, _shape: tuple[int, ...]) -> dict[str, Any]:
    """The goal is an absolute error, so where it can be had a model learns by that."""
    boosted = HistGradientBoostingRegressor(loss="absolute_error", random_state=SEED)
    return {
        "ridge regression": Ridge(),
        "median regression": MultiOutputRegressor(QuantileRegressor(alpha=0)),
        "random forest": RandomForestRegressor(random_state=SEED),
        "gradient boosting": MultiOutputRegressor(boosted),
    }


def _classifiers(weights: str | None, shape: tuple[int, ...]) -> dict[str, Any]:
    same: dict[str, Any] = {"class_weight": weights, "random_state": SEED}
    made = {
        "logistic regression": LogisticRegression(max_iter=1000, **same),
        "random forest": RandomForestClassifier(**same),
    }
    boosted = HistGradientBoostingClassifier(min_samples_leaf=_leaf(shape[0]), **same)
    return made | ({"gradient boosting": boosted} if shape[1] <= MOST_BOOSTED else {})


def _detectors(_weights: str | None, _shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        "isolation forest": IsolationForest(random_state=SEED),
        "local outlier factor": LocalOutlierFactor(novelty=True),
    }


def _leaf(examples: int) -> int:
    """The fewest examples that a leaf may have: by default 20, which few examples could not be."""
    return max(2, min(20, examples // 20))


def _reached(name: str, model: Any, contract: Contract, splits: Mapping[str, Split]) -> Reached:
    train = splits["train"]
    with threadpool_limits(1):  # many threads on a busy machine wait for one another
        model.fit(train.x, *(() if contract.task == "anomaly" else (train.y,)))
        figures = _figures(model, contract, {name: splits[name] for name in JUDGED})
    return Reached(name, f"{format_bytes(len(pickle.dumps(model)))} pickled", figures)


def _figures(
    model: Any, contract: Contract, splits: Mapping[str, Split]
) -> dict[str, tuple[float, ...]]:
    if contract.goal.metric == "recall_at_precision":
        return _detection(model, contract, splits)
    figures = {"mae": _errors, "auc": _area, "balanced_accuracy": _balanced}[contract.goal.metric]
    return {name: figures(model, split) for name, split in splits.items()}


def _errors(model: Any, split: Split) -> tuple[float, ...]:
    errors = mean_absolute_error(split.y, model.predict(split.x), multioutput="raw_values")
    return tuple(float(one) for one in errors)


def _area(model: Any, split: Split) -> tuple[float, ...]:
    return (float(roc_auc_score(split.y, -model.score_samples(split.x))),)


def _balanced(model: Any, split: Split) -> tuple[float, ...]:
    return (float(balanced_accuracy_score(split.y, model.predict(split.x))),)


def _detection(
    model: Any, contract: Contract, splits: Mapping[str, Split]
) -> dict[str, tuple[float, ...]]:
    """Recall and precision, at the threshold of the most recall on validation data."""
    labels, positive = contract.dataset.target.labels, contract.goal.positive
    index = labels.index(positive or labels[1])
    found = {name: one.y == index for name, one in splits.items()}
    scores = {name: model.predict_proba(one.x)[:, index] for name, one in splits.items()}
    first = JUDGED[0]
    precision, recall, thresholds = precision_recall_curve(found[first], scores[first])
    keeps = precision[:-1] >= (contract.goal.precision or 0)
    best = thresholds[np.argmax(np.where(keeps, recall[:-1], -1))] if keeps.any() else np.inf
    return {
        name: (
            float(recall_score(found[name], scores[name] >= best)),
            float(precision_score(found[name], scores[name] >= best, zero_division=1)),
        )
        for name in splits
    }
