"""That a model must be better than what needs none, as bounds like those of a contract.

The bound is known once the data is: it is what the best of the rules reaches on a split.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict.constraints import TEST_SUFFIX, Bound

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from mlforge_tasks.contract.data_card import BaselineRule
    from mlforge_tasks.verdict.evaluation import Evaluation, SplitEvaluation

BASELINE_KEY = "goal.baseline"
# What each rule is, for people; of equals the one that is told is the first.
WORDS: dict[str, str] = {
    "persistence": "the last reading goes on",
    "mean": "the mean of the training targets",
    "median": "the median of the training targets",
    "majority": "always the most frequent class",
    "distance": "the distance from the mean of what is normal",
    "linear": "a linear model",
}
# What a model that is a linear one itself is made of, beside one FULLY_CONNECTED.
_NO_LAYERS = frozenset({"RESHAPE", "QUANTIZE", "DEQUANTIZE", "SOFTMAX", "LOGISTIC"})


def is_linear(operators: Iterable[str]) -> bool:
    """Whether a model's operators are those of a linear model of its inputs."""
    others = [one for one in operators if one not in _NO_LAYERS]
    return others == ["FULLY_CONNECTED"]


def bounds_of(
    bounds: Collection[Bound],
    must_beat: Collection[str],
    evaluation: Evaluation,
    excused: Collection[BaselineRule] = (),
) -> tuple[Bound, ...]:
    """What each figure must be better than, on both splits.

    Args:
        bounds: The contract's, of the figures too.
        must_beat: Names of the figures.
        evaluation: Of any model on this data.
        excused: Rules that do not count: a linear model, in int8, is never strictly better than
            the best linear model.
    """
    splits = (("", evaluation.validation), (TEST_SUFFIX, evaluation.test))
    return tuple(
        bound
        for suffix, split in splits
        for bound in _of_split(bounds, must_beat, split, suffix, excused)
    )


def _of_split(
    bounds: Collection[Bound],
    must_beat: Collection[str],
    split: SplitEvaluation,
    suffix: str,
    excused: Collection[BaselineRule],
) -> Iterator[Bound]:
    by_metric = {one.metric: one for one in bounds}
    for name in must_beat:
        bound = by_metric.get(name + suffix)  # none where a split is not asked yet
        known = {
            one.rule: one.figures[name]
            for one in sorted(split.without_model, key=lambda one: list(WORDS).index(one.rule))
            if name in one.figures and one.rule not in excused
        }
        if bound is None or not known:
            continue
        pick = min if bound.direction == "at_most" else max
        rule = pick(known, key=lambda one: known[one])
        yield bound.model_copy(
            update={
                "metric": f"baseline({name}){suffix}",
                "limit": known[rule],
                "key": BASELINE_KEY,
                "of": name + suffix,
                "against": rule,
                "strict": True,
                "by_worse_end": False,
            }
        )
