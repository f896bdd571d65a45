"""judge: one iteration's candidates against the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlforge_tasks.architecture import Architecture, StaticFigures, brief, parse_architecture
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.manifest import MANIFEST, Manifest
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.records import Measurement, Profile, Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages.run import PROFILE, RunReport
from mlforge_tasks.verdict.baselines import bounds_of, is_linear
from mlforge_tasks.verdict.constraints import TEST_SUFFIX, Bound, judge
from mlforge_tasks.verdict.evaluation import EVALUATION, Evaluation
from mlforge_tasks.verdict.transcript import TRANSCRIPT, Transcript
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.trials import TrialResult, Trials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlforge_tasks.contract.data_card import BaselineRule
    from mlforge_tasks.cycles.record import Cycles
    from mlforge_tasks.records import Source
    from mlforge_tasks.verdict.decision import Counts
    from mlforge_tasks.verdict.evaluation import SplitEvaluation


KIND = StageKind(__name__, ("trials.json",), runs_after_failure=True)


class Folders:
    """The stage folders of one candidate, and whether each stage worked out.

    Args:
        inputs: `<candidate>.<stage>`.
        candidate: Which one.
    """

    def __init__(self, inputs: Mapping[str, Path], candidate: str) -> None:
        prefix = f"{candidate}."
        self.folders = {
            name.removeprefix(prefix): folder
            for name, folder in inputs.items()
            if name.startswith(prefix)
        }
        self.manifests = {
            name: Manifest.read(folder / MANIFEST) for name, folder in self.folders.items()
        }

    def file(self, stage: str, name: str) -> Path | None:
        """A file of a stage that worked out; a model that was brought along has fewer stages."""
        known = self.manifests.get(stage)
        return self.folders[stage] / name if known and known.status == "ok" else None

    def reason(self) -> Reason | None:
        """Why the candidate failed, from the first stage that did."""
        reasons = (manifest.reason for manifest in self.manifests.values())
        return next((reason for reason in reasons if reason is not None), None)


def _measurements(
    folders: Folders, bounds: Iterable[Bound]
) -> tuple[tuple[Measurement, ...], float | None]:
    """All figures found, those of the trained firmware rather than those of its probe.

    The test split is asked only of a candidate that meets every other clause that can be told: each
    look at it makes what it says a little less true.
    """
    path = folders.file("run", "measurements.json")
    evaluated = folders.file("evaluate", EVALUATION)
    if path is None or evaluated is None:
        path = path or folders.file("probe_run", "measurements.json")
        return (RunReport.read(path).measurements if path else ()), None
    report = RunReport.read(path)
    figures_found = report.measurements
    on_board = folders.file("hardware_run", "measurements.json")
    if on_board is not None:
        report = RunReport.read(on_board)
        figures_found += report.measurements  # last, where one value a metric is asked for
    evaluation = Evaluation.read(evaluated)
    known = [one for one in bounds if one.sources]
    figures_found += _reached(known, evaluation.validation, report.source, on_test=False)
    if judge([one for one in known if not one.on_test], figures_found).met:
        figures_found += _reached(known, evaluation.test, report.source, on_test=True)
    return figures_found, report.device_metrics.get(next(iter(evaluation.validation.figures)))


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


def _profile(folders: Folders) -> Profile | None:
    """What each layer takes: as a board told it where one did, else as the emulator did."""
    paths = (folders.file(stage, PROFILE) for stage in ("hardware_run", "run", "probe_run"))
    known = next((path for path in paths if path is not None and path.exists()), None)
    return None if known is None else Profile.read(known)


def _cycles(folders: Folders) -> Cycles | None:
    """What the emulated latency was computed from."""
    paths = (folders.file(stage, "measurements.json") for stage in ("run", "probe_run"))
    known = next((path for path in paths if path is not None), None)
    return None if known is None else RunReport.read(known).cycles


def _float_metrics(folders: Folders, measurements: Iterable[Measurement]) -> dict[str, float]:
    """What the model reached before it was quantised, on the splits its int8 form was asked on."""
    evaluated = folders.file("evaluate", EVALUATION)
    if evaluated is None:
        return {}
    evaluation = Evaluation.read(evaluated)
    known = evaluation.validation.float_figures | {
        name + TEST_SUFFIX: value for name, value in evaluation.test.float_figures.items()
    }
    asked = {one.metric for one in measurements}
    return {name: value for name, value in known.items() if name in asked}


def _detected(folders: Folders, measurements: Iterable[Measurement]) -> dict[str, Counts]:
    """What the threshold makes of the splits that the model was asked on."""
    path = folders.file("evaluate", EVALUATION)
    if path is None:
        return {}
    evaluation = Evaluation.read(path)
    found = {"validation": evaluation.validation.detection}
    if any(one.metric.endswith(TEST_SUFFIX) for one in measurements):
        found["test"] = evaluation.test.detection
    return {split: counts for split, counts in found.items() if counts is not None}


def _not_compared(folders: Folders) -> str:
    """Why a device's outputs were not held against the oracle's, the board's first."""
    paths = (folders.file(stage, "measurements.json") for stage in ("hardware_run", "run"))
    known = next((path for path in paths if path is not None), None)
    return "" if known is None else RunReport.read(known).not_compared


def result(
    folders: Folders, architecture: Architecture | None, identity: str, config: Mapping[str, Any]
) -> TrialResult:
    """A candidate against the contract.

    Args:
        folders: What its stages made.
        architecture: Its design; None for a model that was brought along.
        identity: Its id.
        config: `bounds`, `model`.
    """
    static = folders.file("render", "static.json")
    bounds = _bounds(folders, config)
    measurements, device_metric = _measurements(folders, bounds)
    trial = Trial(
        id=identity,
        architecture=architecture,
        figures=None if static is None else StaticFigures.read(static),
        reason=folders.reason(),
        measurements=measurements,
        verdict=judge(bounds, measurements),
        profile=_profile(folders),
    )
    shown = (config["model"] or "no proposal") if architecture is None else brief(architecture)
    return TrialResult(
        trial=trial,
        brief=shown,
        device_metric=device_metric,
        float_metrics=_float_metrics(folders, measurements),
        not_compared=_not_compared(folders),
        cycles=_cycles(folders),
        detected=_detected(folders, measurements),
    )


def _bounds(folders: Folders, config: Mapping[str, Any]) -> tuple[Bound, ...]:
    """The contract's clauses, and what the candidate must be better than where that is known."""
    bounds = tuple(Bound.from_dump(bound) for bound in config["bounds"])
    evaluated = folders.file("evaluate", EVALUATION)
    if evaluated is None:
        return bounds
    model = folders.file("quantise", "quantisation.json")
    linear = model is not None and is_linear(Quantisation.read(model).operators)
    excused: tuple[BaselineRule, ...] = ("linear",) if linear else ()
    return bounds + bounds_of(bounds, config["must_beat"], Evaluation.read(evaluated), excused)


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
    trials = (one.as_trial(config["iteration"], at) for at, one in enumerate(said.probes))
    return tuple(
        one.model_copy(update={"verdict": judge(bounds, one.measurements)}) for one in trials
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `trials.json`.

    Runs also where candidates failed: that is what it is there to tell.

    Args:
        inputs: `propose` unless a model was brought along, and `<candidate>.<stage>` for every
            stage of every candidate.
        out: Output folder.
        config: `bounds`, `must_beat` (figures that must be better than what needs no model has),
            `iteration`, `model` (name of the model that was brought along).
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
