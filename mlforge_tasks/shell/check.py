"""`doit check`: what a contract's data is, and what a run would have to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.metrics import METRICS
from mlforge_tasks.graph import durations
from mlforge_tasks.pipeline.carry import CarryOver
from mlforge_tasks.pipeline.prospect import prospect
from mlforge_tasks.shell.console import table
from mlforge_tasks.verdict import clauses
from mlforge_tasks.verdict.baselines import WORDS
from mlforge_tasks.yaml_file.units import format_us, format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlforge_tasks.contract.data_card import BaselineRule, FeatureCard, Split
    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.pipeline.prospect import Prospect
    from mlforge_tasks.verdict.constraints import Bound

    # By rule, figure and split.
    Figures = Mapping[tuple[BaselineRule, str, Split], float]

NAMES_SHOWN = 6
JUDGED_ON: tuple[Split, ...] = ("validation", "test")


def report(plan: Plan) -> str:
    """All that can be told of a contract whose data set was made.

    Args:
        plan: The contract's.
    """
    card = DataCard.read(plan.preparation.dataset.folder / "data_card.json")
    lines = [*_data(card), *_baselines(plan, card), *_ahead(plan)]
    return "\n".join(lines) + "\n"


def unjudged(plan: Plan) -> list[str]:
    """What of the goal no run could judge, a line each; its data set was made."""
    from mlforge_tasks.verdict.undefined import undefined  # noqa: PLC0415 - numpy

    contract, data = plan.contract, plan.preparation.dataset.folder
    asked = [one.figure for one in contract.asked()]
    found = undefined(asked, data, surely=contract.goal.confidence is not None)
    return [f"{one.what}: {one.hint}" for one in found]


def _data(card: DataCard) -> Iterator[str]:
    member = f" ({card.source.member})" if card.source.member else ""
    yield f"data: {card.rows:,} rows of {card.source.name}{member}, licence: {card.licence}"
    shape = " x ".join(map(str, card.input_shape))
    made = _quantities(card.outputs) or f"one of {_some(card.labels)}"
    yield f"an example: {shape} of {_quantities(card.features)}; wanted: {made}"
    rows = [
        (
            one.name,
            f"{one.examples:,}",
            f"{one.rows:,}",
            _some(one.groups),
            _counts(card.labels, one.class_counts),
        )
        for one in card.splits
    ]
    header = ("split", "examples", "rows", "groups", "of each label")
    used = [at for at in range(len(header)) if any(row[at] for row in rows)]
    yield table([tuple(row[at] for at in used) for row in rows], tuple(header[at] for at in used))
    yield f"{card.calibration_examples:,} training examples calibrate the quantised model"
    yield from _labels_without_examples(card)
    yield from card.remarks()


def _labels_without_examples(card: DataCard) -> Iterator[str]:
    """What a split cannot tell of a label, though the goal may not ask it."""
    for split in card.splits:
        counts = zip(card.labels, split.class_counts, strict=False)
        absent = tuple(label for label, count in counts if not count)
        if absent and split.name in JUDGED_ON:
            yield (
                f"warning: the {split.name} split has no example of {_some(absent)}: no figure on "
                "it tells whether a model knows them"
            )


def _quantities(cards: Iterable[FeatureCard]) -> str:
    units = (f"{one.name} ({one.unit})" if one.unit != "1" else one.name for one in cards)
    return _some(tuple(units))


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _counts(labels: tuple[str, ...], counts: tuple[int, ...]) -> str:
    return _some(tuple(f"{name} {n:,}" for name, n in zip(labels, counts, strict=False)))


def _baselines(plan: Plan, card: DataCard) -> Iterator[str]:
    """What needs no model reaches: what the goal asks, then what else the data card tells."""
    bounds = {one.metric: one for one in clauses.bounds(plan.contract) if not one.on_device}
    from mlforge_tasks.stages._guesses import Guesses  # noqa: PLC0415 - numpy

    figures = [one.figure for one in plan.contract.asked()]
    guesses = Guesses.read(plan.preparation.dataset.folder, card, figures)
    told = (*guesses.told(*JUDGED_ON), *card.baselines)
    known = {(one.rule, one.metric, one.split): one.value for one in told}
    units = {**_units(card), **{name: one.unit for name, one in bounds.items()}}
    rows = []
    for rule, metric in dict.fromkeys((rule, metric) for rule, metric, _ in known):
        each = (known.get((rule, metric, split)) for split in JUDGED_ON)
        cells = ("-" if one is None else format_value(one, units[metric]) for one in each)
        rows.append((f"{rule}, {metric}", *cells))
    for bound in (one for one in bounds.values() if not one.on_test):
        limit = f"{bound.direction.replace('_', ' ')} {format_value(bound.limit, bound.unit)}"
        rows.append((f"goal, {bound.metric}", limit, limit))
    yield ""
    yield table(rows, ("without a model", *JUDGED_ON))
    for name in plan.contract.must_beat():
        yield from unbeatable(bounds[name], known) if name in bounds else ()


def _units(card: DataCard) -> dict[str, str]:
    """The unit of each figure that the data card tells, by its name."""
    from mlforge_tasks.verdict import figures  # noqa: PLC0415 - numpy

    quantities = [one.unit for one in card.outputs] or ["1"]
    return {
        one.name: METRICS[one.metric].unit_of(quantities[one.output or 0])
        for one in figures.standard(card)
    }


def unbeatable(bound: Bound, known: Figures) -> Iterator[str]:
    """That a rule without a model is never wrong, though a model has to be better.

    Args:
        bound: Of the figure in which it has to be.
        known: What the rules reach.
    """
    best = 0.0 if bound.direction == "at_most" else 1.0
    right: dict[BaselineRule, list[str]] = {}
    for (rule, metric, split), value in known.items():
        if metric == bound.metric and value == best:
            right.setdefault(rule, []).append(split)
    for rule, splits in right.items():
        linear = "only one that is linear itself need not be better"
        only = linear if rule == "linear" else "no model is better"
        yield (
            f"warning: {WORDS[rule]} has {bound.metric} {format_value(best, bound.unit)} on the "
            f"{' and the '.join(splits)} split: {only}; "
            "`baseline: ignore` in the goal lets others pass"
        )


def _ahead(plan: Plan) -> Iterator[str]:
    """What a run would do."""
    yield ""
    if CarryOver(plan).decide()["met"]:
        yield (
            "a run: PASS at once, with a candidate that was found before limits were edited; "
            "nothing is trained or built"
        )
        return
    found = prospect(plan)
    if found.met is not None:
        ended = "PASS" if found.met else "not met"
        yield f"a run: {ended} after round {found.judged}, all of it was made before"
        return
    left = found.rounds - found.judged
    yield f"made before: {_bases(found.made) or 'nothing'}"
    yield f"a run would make: {_bases(found.first)}"
    yield f"rounds: {left} of {found.rounds} are left; each ends the search where it meets all"
    yield from _time(found, plan)


def _time(found: Prospect, plan: Plan) -> Iterator[str]:
    """What it would take, by this contract's own earlier stages, else by those of all."""
    needed = tuple(stage.folder.name for stage in (*found.first, *found.each))
    past, whose = durations.below(plan.folder), "of this contract"
    if past.unknown(needed):
        past, whose = durations.below(plan.folder.parent), "of other contracts, on other data"
    unknown = past.unknown(needed)
    if unknown:
        yield f"time: not known, as this build tree has no {_some(unknown)} yet"
        return
    first, each = (
        past.of(stage.folder.name for stage in stages) for stages in (found.first, found.each)
    )
    most = first + each * (found.rounds - found.judged - 1)
    yield (
        f"time: {format_us(first * 1e6)} for the first round, {format_us(most * 1e6)} for all, by "
        f"{past.count} earlier stages {whose}; a candidate that breaks a limit is not trained, and "
        "takes less"
    )


def _bases(stages: Iterable[Stage]) -> str:
    """What stages do, each once, in their order."""
    return ", ".join(dict.fromkeys(stage.name.partition(":")[0] for stage in stages))
