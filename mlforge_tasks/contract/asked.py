"""What a goal asks of a data set, figure by figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.detector import (
    asked_of_detector,
    detector_misfits,
    detectors,
    one_detector,
)
from mlforge_tasks.contract.goal import Ask, Asked, Figure, RangeAsk, WholeAsk, range_text
from mlforge_tasks.contract.metrics import METRICS, metrics_of
from mlforge_tasks.yaml_file import Mistake, closest
from mlforge_tasks.yaml_file.units import format_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.contract.goal import Goal
    from mlforge_tasks.contract.target import Task
    from mlforge_tasks.yaml_file.mistakes import Location


def asked(goal: Goal, dataset: DatasetSpec) -> tuple[Asked, ...]:
    """Every figure that is asked and its bound, the leading one first.

    Args:
        goal: The contract's section, which fits the data set (`misfits`).
        dataset: The section on the data.
    """
    return tuple(one for place, ask in goal.asks() for one in _figures(ask, place, dataset))


def detector_figures(goal: Goal, dataset: DatasetSpec) -> tuple[Figure, ...]:
    """What the thresholds are chosen by; empty where nothing is to be detected."""
    figures = (one.figure for one in asked(goal, dataset))
    return detectors(figures, dataset.task, len(dataset.target.classes))


def leading(goal: Goal, dataset: DatasetSpec) -> tuple[Asked, ...]:
    """The figures of the leading metric, without what a detection keeps beside it."""
    return tuple(one for one in _figures(goal, (), dataset) if one.figure.metric == goal.metric)


def learning_figure(goal: Goal, dataset: DatasetSpec) -> Figure:
    """What a training is steered by: the leading metric, over all outputs that it is asked of.

    Its name says nothing of outputs, so that one that is called otherwise retrains nothing.
    """
    first, *more = leading(goal, dataset)
    figure = first.figure
    if more and dataset.target.outputs:
        figure = figure.model_copy(update={"output": None})
    return figure.model_copy(update={"name": goal.metric})


def _figures(ask: Ask, place: Location, dataset: DatasetSpec) -> Iterator[Asked]:
    """The figures of one entry: one for each output that it is asked of."""
    key = ".".join(("goal", *map(str, place), "target"))
    outputs = dataset.outputs
    places = {output.name: at for at, output in enumerate(outputs)}
    if isinstance(ask, WholeAsk) and METRICS[ask.metric].detects and not places:
        yield from asked_of_detector(ask, place, dataset)
        return
    if not places or ask.across == "worst":
        if isinstance(ask.target, dict):
            raise AssertionError("the validator wants one target here")
        worst = ask.across == "worst"
        yield _asked(ask, _figure(ask, "worst" if worst else "", None, worst=worst), "1", key)
        return
    bounds = ask.target if isinstance(ask.target, dict) else None
    chosen = bounds or ([ask.output] if ask.output is not None else places)
    called = dataset.outputs_by_name()
    for name in chosen:
        for output in called[name]:
            part = ("", None) if len(places) == 1 else (output.name, places[output.name])
            bound_by = None if bounds is None else name
            yield _asked(ask, _figure(ask, *part), output.unit, key, bound_by)


def _figure(ask: Ask, part: str, output: int | None, *, worst: bool = False) -> Figure:
    below = above = None
    if isinstance(ask, RangeAsk):
        below, above = ask.below, ask.above
    share = "" if ask.quantile is None else format_share(ask.quantile)
    about = ", ".join(one for one in (part, range_text(below, above), share) if one)
    return Figure(
        name=f"{ask.metric}({about})" if about else ask.metric,
        metric=ask.metric,
        output=output,
        worst=worst,
        parameter=ask.quantile,
        below=below,
        above=above,
    )


def _asked(ask: Ask, figure: Figure, unit: str, key: str, name: str | None = None) -> Asked:
    bound = ask.target[name or ""] if isinstance(ask.target, dict) else ask.target
    return Asked(
        figure=figure,
        target=bound,
        unit=METRICS[ask.metric].unit_of(unit),
        key=key if name is None else f"{key}.{name}",
    )


def misfits(goal: Goal, task: Task | None, dataset: DatasetSpec | None) -> tuple[Mistake, ...]:
    """What of a goal does not fit the task or the data set, each with its place below `goal`."""
    found = [one for place, ask in goal.asks() for one in _misfits(ask, place, task, dataset)]
    if dataset is not None and not found:
        found += _repeated(goal, dataset)
        found += one_detector(goal, dataset)
    return tuple(found)


def _misfits(
    ask: Ask, place: Location, task: Task | None, dataset: DatasetSpec | None
) -> Iterator[Mistake]:
    ranges = isinstance(ask, RangeAsk)
    if task is not None and ask.metric not in metrics_of(task, ranges=ranges):
        known = ", ".join(metrics_of(task, ranges=ranges))
        place_of_it = " within goal.ranges" if ranges else ""
        yield Mistake(f"a metric for {task}{place_of_it}: {known}", at=(*place, "metric"))
    elif dataset is None or dataset.task != task:
        return
    elif task == "regression":
        yield from _misfits_of_outputs(ask, place, dataset)
    else:
        yield from _misfits_of_labels(ask, place, dataset)


def _misfits_of_outputs(ask: Ask, place: Location, dataset: DatasetSpec) -> Iterator[Mistake]:
    names = tuple(output.name for output in dataset.outputs)
    bounds = ask.target if isinstance(ask.target, dict) else {}
    named: list[tuple[Location, str]] = []
    if ask.output is not None:
        named.append((("output",), ask.output))
    named += [(("target", name), name) for name in bounds]
    called = dataset.outputs_by_name() if named else {}
    for at, name in named:
        if name not in called:
            wanted = f"an output of the data set: {', '.join(names)}"
            yield Mistake(wanted, at=(*place, *at), found=name, suggestion=closest(name, names))
    if isinstance(ask, RangeAsk) and len(names) > 1 and not named:
        wanted = f"the key 'output', since a range is of one of {', '.join(names)}"
        yield Mistake(wanted, at=place, found="nothing")


def _misfits_of_labels(ask: Ask, place: Location, dataset: DatasetSpec) -> Iterator[Mistake]:
    if isinstance(ask, WholeAsk) and METRICS[ask.metric].detects:
        yield from detector_misfits(ask, place, dataset)
    for key, given in (("output", ask.output is not None), ("across", ask.across != "each")):
        if given:
            yield Mistake(f"no {key}, which is for regression", at=(*place, key))
    if isinstance(ask.target, dict):
        yield Mistake("one number", at=(*place, "target"), found="several")
    if isinstance(ask, RangeAsk):
        yield Mistake("no ranges, which are for regression", at=place)


def _repeated(goal: Goal, dataset: DatasetSpec) -> Iterator[Mistake]:
    seen: set[str] = set()
    for place, ask in goal.asks():
        names = [one.figure.name for one in _figures(ask, place, dataset)]
        again = [name for name in names if name in seen]
        if again:
            yield Mistake("each figure once", at=place, found=f"{', '.join(again)} again")
        seen.update(names)
