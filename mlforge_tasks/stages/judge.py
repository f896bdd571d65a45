"""judge: one iteration's candidates against the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlforge_tasks.architecture import Architecture, StaticFigures, brief, parse_architecture
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.records import Measurement
from mlforge_tasks.stages import main
from mlforge_tasks.stages._calibrated import as_measurement, calibrated
from mlforge_tasks.stages._folders import Folders
from mlforge_tasks.stages._untold import untold
from mlforge_tasks.verdict.baselines import bounds_of, is_linear
from mlforge_tasks.verdict.constraints import TEST_SUFFIX, UNITS, Bound, judge, on_target
from mlforge_tasks.verdict.derived import CONDITIONS, SOURCES, Conditions
from mlforge_tasks.verdict.limits import update_size
from mlforge_tasks.verdict.transcript import TRANSCRIPT, Transcript
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.trials import TrialResult, Trials

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.contract.data_card import BaselineRule
    from mlforge_tasks.cycles.record import Cycles
    from mlforge_tasks.records import Source
    from mlforge_tasks.stages.run import RunReport
    from mlforge_tasks.stages.update import UpdateReport
    from mlforge_tasks.verdict.decision import Counts
    from mlforge_tasks.verdict.evaluation import SplitEvaluation


KIND = StageKind(__name__, ("trials.json",), runs_after_failure=True)


def _measurements(
    folders: Folders, bounds: Iterable[Bound], config: Mapping[str, Any]
) -> tuple[tuple[Measurement, ...], float | None]:
    """All figures found, those of the trained firmware rather than those of its probe.

    The test split is asked only of a candidate that meets every other clause that can be told: each
    look at it makes what it says a little less true.
    """
    ran, evaluation = folders.emulated, folders.evaluation
    conditions = Conditions.from_dump(config[CONDITIONS])
    elsewhere = tuple(_elsewhere(folders, config.get("further", ())))
    if ran is None or evaluation is None:
        ran = ran or folders.probed
        return (*(conditions.derived(ran.measurements) if ran else ()), *elsewhere), None
    figures_found = elsewhere + ran.measurements
    if folders.on_board is not None:
        ran = folders.on_board
        figures_found += ran.measurements  # last, where one value a metric is asked for
    figures_found = conditions.derived((*figures_found, *_update(folders.update(), ran.source)))
    known = [one for one in bounds if one.sources]
    source = _most_trusted(folders, ran, config.get("further", ()))
    figures_found += _reached(known, evaluation.validation, source, on_test=False)
    if judge([one for one in known if not one.on_test], figures_found).met:
        figures_found += _reached(known, evaluation.test, source, on_test=True)
    return figures_found, ran.device_metrics.get(next(iter(evaluation.validation.figures)))


def _most_trusted(folders: Folders, ran: RunReport, targets: Iterable[Mapping[str, Any]]) -> Source:
    """What speaks for the model's own figures: its bytes are the same wherever they ran."""
    runs = [ran, *(run for target in targets for run in folders.trained_on(target["name"]))]
    return max((one.source for one in runs), key=SOURCES.index)


def _update(found: UpdateReport | None, source: Source) -> tuple[Measurement, ...]:
    """What sending the model takes: of the very bytes that the run had, so that it is as sure."""
    if found is None:
        return ()
    metric = update_size.LIMIT.field
    value = found.update_bytes
    return (Measurement(metric=metric, value=value, unit=UNITS[metric], source=source),)


def _elsewhere(folders: Folders, targets: Iterable[Mapping[str, Any]]) -> Iterator[Measurement]:
    """What was measured on targets beside the leading one, by its names among those of all."""
    for target in targets:
        name, conditions = target["name"], Conditions.from_dump(target[CONDITIONS])
        trained, probed = folders.trained_on(name), folders.probed_on(name)
        runs = trained or ((probed,) if probed else ())
        found = tuple(one for ran in runs for one in ran.measurements)
        if trained:
            found += _update(folders.update(name), trained[-1].source)
        for one in conditions.derived(found):
            yield one.model_copy(update={"metric": on_target(one.metric, name)})


def _reached(
    bounds: Iterable[Bound], split: SplitEvaluation, source: Source, *, on_test: bool
) -> tuple[Measurement, ...]:
    """What a model reaches on a split, of that which is bound there."""
    asked = {one.metric: one.unit for one in bounds if one.on_test == on_test}
    suffix = TEST_SUFFIX if on_test else ""
    return tuple(
        one.model_copy(update={"unit": asked[name]})
        for name, one in split.measured(suffix, source).items()
        if name in asked
    )


def _untrained(folders: Folders, measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """What the probe took of what the trained model takes less of, by the same source alone."""
    profile, probed = folders.profile, folders.probed
    if probed is None or profile is None or folders.emulated is None:
        return ()
    if not any(layer.dropped_channels for layer in profile.layers):
        return ()
    sources: dict[str, set[Source]] = {}
    for one in measurements:
        sources.setdefault(one.metric, set()).add(one.source)
    return tuple(one for one in probed.measurements if sources.get(one.metric) == {one.source})


def _cycles(folders: Folders) -> Cycles | None:
    """What the emulated latency was computed from."""
    known = folders.emulated or folders.probed
    return None if known is None else known.cycles


def _float_metrics(folders: Folders, measurements: Iterable[Measurement]) -> dict[str, float]:
    """What the model reached before it was quantised, on the splits its int8 form was asked on."""
    evaluation = folders.evaluation
    if evaluation is None:
        return {}
    known = evaluation.validation.float_figures | {
        name + TEST_SUFFIX: value for name, value in evaluation.test.float_figures.items()
    }
    asked = {one.metric for one in measurements}
    return {name: value for name, value in known.items() if name in asked}


def _detected(folders: Folders, measurements: Iterable[Measurement]) -> dict[str, Counts]:
    """What the threshold makes of the splits that the model was asked on."""
    evaluation = folders.evaluation
    if evaluation is None:
        return {}
    found = {"validation": evaluation.validation.detection}
    if any(one.metric.endswith(TEST_SUFFIX) for one in measurements):
        found["test"] = evaluation.test.detection
    return {split: counts for split, counts in found.items() if counts is not None}


def _told(ran: RunReport | None, unfit: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What a run says beside figures, and which of them its time does not allow."""
    if ran is None:
        return {"not_measured": tuple(unfit)}
    return {
        "not_compared": ran.not_compared,
        "differs": ran.differs,
        "not_measured": (*ran.not_measured, *unfit),
        "examples_run": ran.golden_vectors,
        "examples_left_out": ran.golden_left_out,
    }


def result(
    folders: Folders, architecture: Architecture | None, identity: str, config: Mapping[str, Any]
) -> TrialResult:
    """A candidate against the contract.

    Args:
        folders: What its stages made.
        architecture: Its design; None for a model that was brought along.
        identity: Its id.
        config: `bounds`, `conditions`, `model`, any `further` and `calibration` (see `calibrated`).
    """
    bounds = _bounds(folders, config)
    measurements, device_metric = _measurements(folders, bounds, config)
    foretold = calibrated(folders, config)
    measurements += as_measurement(foretold)
    verdict = judge(bounds, measurements)
    trial = Trial(
        id=identity,
        architecture=architecture,
        figures=_figures(folders),
        reason=folders.reason,
        measurements=measurements,
        verdict=verdict,
        profile=folders.profile,
        untrained=_untrained(folders, measurements),
    )
    ran = folders.on_board or folders.emulated
    return TrialResult(
        trial=trial,
        brief=_brief(architecture, config),
        device_metric=device_metric,
        float_metrics=_float_metrics(folders, measurements),
        **_told(ran, untold(measurements, verdict, config)),
        cycles=_cycles(folders),
        detected=_detected(folders, measurements),
        changed=_changed(folders),
        calibrated=foretold,
    )


def _figures(folders: Folders) -> StaticFigures | None:
    static = folders.file("render", "static.json")
    return None if static is None else StaticFigures.read(static)


def _brief(architecture: Architecture | None, config: Mapping[str, Any]) -> str:
    return (config["model"] or "no proposal") if architecture is None else brief(architecture)


def _changed(folders: Folders) -> tuple[str, ...]:
    """What was done to a model file that was brought along."""
    model = folders.file("quantise", "quantisation.json")
    return () if model is None else Quantisation.read(model).changed


def _bounds(folders: Folders, config: Mapping[str, Any]) -> tuple[Bound, ...]:
    """The contract's clauses, and what the candidate must be better than where that is known."""
    bounds = tuple(Bound.from_dump(bound) for bound in config["bounds"])
    if folders.evaluation is None:
        return bounds
    model = folders.file("quantise", "quantisation.json")
    excused = () if model is None else is_itself(Quantisation.read(model))
    return bounds + bounds_of(bounds, config["must_beat"], folders.evaluation, excused)


def is_itself(model: Quantisation) -> tuple[BaselineRule, ...]:
    """The rules that a model is an int8 form of: it cannot be strictly better than them."""
    if len(model.centroids) == 1:  # the mean of what is normal
        return ("distance",)
    return ("linear",) if is_linear(model.operators) else ()


def _proposals(inputs: Mapping[str, Path]) -> list[Architecture | None]:
    """What was proposed; None for a model that was brought along, and where nothing was."""
    path = inputs["propose"] / "candidates.json" if "propose" in inputs else None
    if path is None or not path.exists():
        candidates = {name.partition(".")[0] for name in inputs if name != "propose"}
        return [None] * len(candidates)
    document = json.loads(path.read_bytes())
    return [parse_architecture(proposal) for proposal in document["candidates"]]


def _transcript(inputs: Mapping[str, Path]) -> Transcript | None:
    """What a language model said, where one was asked."""
    path = inputs["propose"] / TRANSCRIPT if "propose" in inputs else None
    return None if path is None or not path.exists() else Transcript.read(path)


def _probes(said: Transcript, config: Mapping[str, Any]) -> tuple[Trial, ...]:
    """What it had measured, against the limits."""
    bounds = [Bound.from_dump(bound) for bound in config["bounds"]]
    conditions = Conditions.from_dump(config[CONDITIONS])
    found = []
    for at, probe in enumerate(said.probes):
        trial = probe.as_trial(config["iteration"], at)
        known = conditions.derived(trial.measurements)
        judged = {"measurements": known, "verdict": judge(bounds, known)}
        found.append(trial.model_copy(update=judged))
    return tuple(found)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `trials.json`.

    Runs also where candidates failed: that is what it is there to tell.

    Args:
        inputs: `propose` unless a model was brought along, and `<candidate>.<stage>` for every
            stage of every candidate.
        out: Output folder.
        config: `bounds`, `conditions` (what derived figures depend on), `must_beat` (figures that
            must be better than what needs no model has), `iteration`, `model` (name of the model
            that was brought along), `further` where there are targets beside the leading one (name
            and conditions of each).
    """
    results = tuple(
        result(
            Folders(inputs, str(index)),
            proposal,
            f"{config['iteration']}.{index}",
            config,
        )
        for index, proposal in enumerate(_proposals(inputs))
    )
    said = _transcript(inputs)
    probes = () if said is None else _probes(said, config)
    tokens = 0 if said is None else said.usage.tokens
    Trials(results=results, probes=probes, tokens=tokens).write(out / "trials.json")


if __name__ == "__main__":
    main(run)
