"""What a goal asks of a detector: figures of one label that a threshold tells from all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.goal import HOURLY, Asked, Figure, WholeAsk
from mlforge_tasks.contract.metrics import METRICS
from mlforge_tasks.yaml_file import Mistake, closest
from mlforge_tasks.yaml_file.units import format_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.contract.goal import Goal
    from mlforge_tasks.contract.target import Task
    from mlforge_tasks.yaml_file.mistakes import Location


def asked_of_detector(ask: WholeAsk, place: Location, dataset: DatasetSpec) -> Iterator[Asked]:
    """The figures of one entry: the metric, and what it has to keep beside it.

    The threshold keeps that on validation data by its choice; on test data it may not.
    """
    metric, least = METRICS[ask.metric], ask.parameter
    label = _positive(ask, dataset)
    key = ".".join(("goal", *map(str, place)))
    which = [dataset.target.labels[label]] if dataset.target.task == "multilabel" else []
    shares = [] if least is None else [format_share(least)]
    figure = Figure(
        name=_named(ask.metric, which + shares),
        metric=ask.metric,
        output=label,
        parameter=least,
        example_s=_example_s(ask, dataset) if ask.metric == HOURLY else None,
    )
    yield Asked(figure=figure, target=_bound(ask), unit=metric.unit, key=f"{key}.target")
    if metric.parameter is not None and least is not None:
        name = _named(metric.parameter, which)
        kept = Figure(name=name, metric=metric.parameter, output=label)
        yield Asked(figure=kept, target=least, unit="1", key=f"{key}.{metric.parameter}")


def _named(metric: str, about: list[str]) -> str:
    return f"{metric}({', '.join(about)})" if about else metric


def _bound(ask: WholeAsk) -> float:
    if not isinstance(ask.target, float):
        raise TypeError("the validator wants one target for labels")
    return ask.target


def _positive(ask: WholeAsk, dataset: DatasetSpec) -> int:
    """The label that is detected, as a number; of two the second by default."""
    labels = dataset.target.classes
    return 1 if ask.positive is None else labels.index(ask.positive)


def _example_s(ask: WholeAsk, dataset: DatasetSpec) -> float | None:
    """Time from one example to the next; None where nothing tells it."""
    if ask.every_s is not None or dataset.time is None:
        return ask.every_s
    stride = 1 if dataset.window is None else dataset.window.stride
    return stride * dataset.time.interval_s


def detector_misfits(ask: WholeAsk, place: Location, dataset: DatasetSpec) -> Iterator[Mistake]:
    """What of an entry does not fit the data set."""
    labels = dataset.target.classes
    if ask.positive is None and (len(labels) != 2 or dataset.target.task == "multilabel"):
        wanted = f"the key 'positive', the label to detect: {', '.join(labels)}"
        yield Mistake(wanted, at=place, found="nothing")
    if ask.positive is not None and ask.positive not in labels:
        near = closest(ask.positive, labels)
        wanted = f"a label of the data set: {', '.join(labels)}"
        yield Mistake(wanted, at=(*place, "positive"), suggestion=near)
    if ask.metric == HOURLY and _example_s(ask, dataset) is None:
        wanted = "the key 'every', the time from one example to the next, such as 1 s"
        yield Mistake(wanted, at=place, found="neither that nor dataset.time")


def one_detector(goal: Goal, dataset: DatasetSpec) -> Iterator[Mistake]:
    """That all detections of a goal are of the same label, where there is one threshold."""
    first: int | None = None
    if dataset.target.task == "multilabel":
        return
    for place, ask in goal.asks():
        if not isinstance(ask, WholeAsk) or not METRICS[ask.metric].detects:
            continue
        if not dataset.target.classes:
            return
        label = _positive(ask, dataset)
        first = label if first is None else first
        if label != first:
            wanted = f"'{dataset.target.classes[first]}', as before: a model detects one label"
            found = f"'{dataset.target.classes[label]}'"
            yield Mistake(wanted, at=(*place, "positive"), found=found)


def detectors(figures: Iterable[Figure], task: Task, labels: int) -> tuple[Figure, ...]:
    """What the thresholds are chosen by: one, or of multilabel one for each label.

    It is the first detection that is asked; of a label, or for anomaly, where none is, F1.

    Args:
        figures: All that is asked.
        task: What the model does.
        labels: How many labels there are.
    """
    asked = [one for one in figures if one.detects]
    if task == "multilabel":
        return tuple(
            next((one for one in asked if one.output == at), _f1(at)) for at in range(labels)
        )
    return tuple(asked[:1] or ([_f1(1)] if task == "anomaly" else []))


def _f1(label: int) -> Figure:
    return Figure(name="f1", metric="f1", output=label)
