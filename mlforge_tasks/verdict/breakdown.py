"""What stands beside a figure: classes, errors by range of the target, saturation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.quantisation import TensorQuantisation
from mlforge_tasks.verdict import metrics
from mlforge_tasks.verdict.classification import f1_scores, precisions, recalls
from mlforge_tasks.verdict.evaluation import ClassFigures, OutputErrors, Rail, RangeErrors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import DataCard, FeatureCard
    from mlforge_tasks.int8 import Quantised
    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.verdict.decision import Counts

    Values = NDArray[np.float64]

# Ranges of the target that errors are told for.
RANGES = 5


def classes(counts: NDArray[np.int64], labels: Sequence[str]) -> tuple[ClassFigures, ...]:
    """By class, from a confusion matrix."""
    shares = (recalls(counts), precisions(counts), f1_scores(counts))
    columns = (counts.sum(axis=1).tolist(), counts.sum(axis=0).tolist(), *map(_known, shares))
    return tuple(
        ClassFigures(
            label=label,
            examples=examples,
            predicted=predicted,
            recall=recall,
            precision=right,
            f1=f1,
        )
        for label, examples, predicted, recall, right, f1 in zip(labels, *columns, strict=True)
    )


def _known(shares: Values) -> list[float | None]:
    return [None if math.isnan(share) else share for share in shares.tolist()]


def label_figures(label: str, counts: Counts) -> ClassFigures:
    """Of one label among several that may be there, by its threshold."""
    examples, predicted = counts.hits + counts.misses, counts.hits + counts.false_alarms
    return ClassFigures(
        label=label,
        examples=examples,
        predicted=predicted,
        recall=counts.recall,
        precision=counts.precision if predicted else None,
        f1=counts.f1,
    )


def errors(
    outputs: Values, targets: Values, card: DataCard, quantisation: Quantisation
) -> tuple[OutputErrors, ...]:
    """By predicted quantity.

    Args:
        outputs: [N, outputs] in original units.
        targets: The same shape.
        card: The data set's card.
        quantisation: The model's, which tells what its output can say.
    """
    dtype = np.dtype(quantisation.output.dtype)
    reach = np.iinfo(dtype)
    ends = np.array([[reach.min], [reach.max]], dtype).repeat(targets.shape[1], axis=1)
    low, high = metrics.to_outputs(ends, quantisation, card)
    return tuple(
        _output_errors(output, outputs[:, at], targets[:, at], (float(low[at]), float(high[at])))
        for at, output in enumerate(card.outputs)
    )


def _output_errors(
    output: FeatureCard, found: Values, wanted: Values, rail: tuple[float, float]
) -> OutputErrors:
    column = (found[:, None], wanted[:, None])
    return OutputErrors(
        name=output.name,
        unit=output.unit,
        mae=metrics.mae(*column),
        rmse=metrics.rmse(*column),
        r2=metrics.r2(*column),
        bias=float(np.mean(found - wanted)),
        ranges=tuple(_by_range(found, wanted)),
        low=rail[0],
        high=rail[1],
        targets_below=int((wanted < rail[0]).sum()),
        targets_above=int((wanted > rail[1]).sum()),
    )


def _by_range(found: Values, wanted: Values) -> Iterator[RangeErrors]:
    order = np.argsort(wanted, kind="stable")
    for part in np.array_split(order, min(RANGES, len(order))):
        difference = found[part] - wanted[part]
        yield RangeErrors(
            low=float(wanted[part[0]]),
            high=float(wanted[part[-1]]),
            examples=len(part),
            mae=float(np.abs(difference).mean()),
            bias=float(difference.mean()),
        )


def rails(values: NDArray[Quantised], names: Sequence[str]) -> tuple[Rail, ...]:
    """Saturation of an int8 or int16 tensor, by the names of its last axis: [N, ..., names]."""
    flat, ends = values.reshape(-1, len(names)), np.iinfo(values.dtype)
    low, high = (flat == ends.min).sum(axis=0), (flat == ends.max).sum(axis=0)
    return tuple(
        Rail(name=name, values=len(flat), at_low=int(low[at]), at_high=int(high[at]))
        for at, name in enumerate(names)
    )


def input_names(quantisation: Quantisation, card: DataCard) -> tuple[str, ...]:
    """What the last axis of rows that a device gets holds."""
    names = tuple(one.name for one in card.features)
    if isinstance(quantisation.input, TensorQuantisation):
        return names
    parts = quantisation.input.parts
    return tuple(f"{one.name}: {names[feature]}" for one in parts for feature in one.features)


def output_names(card: DataCard) -> tuple[str, ...]:
    """What the outputs' last axis holds; a reconstruction's is that of its input."""
    if card.task == "anomaly":
        return tuple(one.name for one in card.features)
    return card.labels or tuple(one.name for one in card.outputs)
