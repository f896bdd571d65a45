"""Why a contract was not met, from the stages' folders; `report` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.quantisation import ACTIVATIONS, Quantisation
from mlforge_tasks.verdict.constraints import TEST_SUFFIX
from mlforge_tasks.verdict.evaluation import EVALUATION, Evaluation
from mlforge_tasks.verdict.relaxation import Needs, Shortfall, explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlforge_tasks.architecture.geometry import Patches
    from mlforge_tasks.quantisation import EndType
    from mlforge_tasks.records import Measurement
    from mlforge_tasks.verdict.constraints import Bound
    from mlforge_tasks.verdict.trials import TrialResult


def _needs(result: TrialResult, patches: Patches, activations: EndType) -> Needs | None:
    """What is known of a candidate that was refused before it ran."""
    reason, figures = result.trial.reason, result.trial.figures
    if reason is None or result.trial.measurements:
        return None
    if reason.code == "static_limit" and figures is not None:
        return Needs(basis="static", values=dict(figures.at_least(patches, activations)))
    if reason.code == "does_not_fit" and reason.metric and reason.value is not None:
        return Needs(basis="linked", values={reason.metric: reason.value})
    return None


def _other_engines(
    inputs: Mapping[str, Path], results: Iterable[TrialResult], config: Mapping[str, Any]
) -> tuple[str, ...]:
    """Engines that have every operator of a brought model, where the contract's lack one.

    A use of an operator that an engine has and refuses is no reason to go to another.
    """
    codes = {one.trial.reason.code for one in results if one.trial.reason is not None}
    if "unsupported_operator" not in codes or "1.0.quantise" not in inputs:
        return ()
    model = Quantisation.read(inputs["1.0.quantise"] / "quantisation.json")
    wanted = set(model.operators)
    having = [name for name, known in config["operators"].items() if wanted <= set(known)]
    return () if set(having) & set(config["engines"]) else tuple(having)


def shortfall(
    inputs: Mapping[str, Path],
    results: tuple[TrialResult, ...],
    bounds: tuple[Bound, ...],
    config: Mapping[str, Any],
) -> Shortfall:
    """See `relaxation.explain`.

    Args:
        inputs: `<candidate>.evaluate` of each candidate, and `1.0.quantise` of a brought model.
        results: Every candidate; none of them met.
        bounds: All clauses.
        config: `margins`, `memories` (the board's, by metric), `engines` (the
            contract's), `operators` (of every engine, for a brought model), `patches` (whether
            first layers may run stripe by stripe).
    """

    def ask_test(candidate: str) -> dict[str, Measurement]:
        path = inputs[f"{candidate}.evaluate"] / EVALUATION
        if not path.exists():
            return {}
        known = next(one.trial for one in results if one.trial.id == candidate)
        source = known.measurements[-1].source
        return Evaluation.read(path).test.measured(TEST_SUFFIX, source)

    needs = {one.trial.id: _needs(one, config["patches"], config[ACTIVATIONS]) for one in results}
    found = explain(
        bounds,
        config["margins"],
        {one.trial.id: one.trial.verdict for one in results if one.trial.verdict},
        needs={name: one for name, one in needs.items() if one is not None},
        memories=config["memories"],
        ask_test=ask_test,
    )
    engines = _other_engines(inputs, results, config)
    return found.model_copy(update={"engines": engines})
