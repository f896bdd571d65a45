"""What is said below a verdict: where figures are from, what to be aware of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict.baselines import WORDS
from mlforge_tasks.verdict.constraints import on_target, plain, target_of
from mlforge_tasks.verdict.limits import BY_METRIC
from mlforge_tasks.yaml_file.units import format_against, format_share, format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlforge_tasks.records import Clause
    from mlforge_tasks.verdict.engine_choice import EngineChoice
    from mlforge_tasks.verdict.evaluation import Rail
    from mlforge_tasks.verdict.forecast import ForecastError
    from mlforge_tasks.verdict.transcript import ModelUse
    from mlforge_tasks.verdict.trials import Report, TrialResult

# The share of a layer's values at the ends of its range that is told. Of 200 calibration examples,
# as many as there are by default, a range is exceeded by fewer where the data is alike.
MUCH_CUT_OFF = 0.01
# Each of many outputs may have a figure of its own on two splits, and so have rules beside it.
MOST_LINES = 40


def some(told: Iterable[str], most: int = MOST_LINES) -> list[str]:
    """The first of many; what is left out is counted."""
    every = list(told)
    left = len(every) - most
    return [*every[:most], f"and {left} more"] if left > 0 else every


def short_name(metric: str) -> str:
    """A metric without its unit."""
    target = target_of(metric)
    if target:
        return on_target(short_name(plain(metric)), target)
    kind = BY_METRIC.get(metric)
    if kind is not None and metric == kind.field:
        return kind.key.removeprefix("limits.")
    for suffix in ("_bytes", "_us"):
        metric = metric.removesuffix(suffix)
    return metric


def targets_text(report: Report, best: TrialResult | None) -> list[str]:
    """The verdict on each of several targets: what is in the way there, of its own and the goal."""
    verdict = None if best is None else best.trial.verdict
    lines = []
    for one in report.targets:
        clauses = one.clauses(verdict)
        ways = (("misses", "fail"), ("unknown:", "unknown"))
        told = [f"{word} {names}" for word, how in ways if (names := _names(clauses, how))]
        said = "; ".join(told) or ("PASS" if clauses else "unknown")
        lines.append(f"on {one.board} ({one.platform}, {one.engine}, {one.mode}): {said}")
    return lines


def _names(clauses: Iterable[Clause], status: str) -> str:
    """The figures of one target, each once, whose clauses have come to this."""
    found = (short_name(plain(one.metric)) for one in clauses if one.status == status)
    return ", ".join(dict.fromkeys(found))


def carried_text(report: Report) -> list[str]:
    """That nothing was searched, and which limits were others when something was."""
    if report.carried is None:
        return []
    before, after = (
        {one.metric: one for one in bounds if not (one.on_test or one.of)}
        for bounds in (report.carried.bounds, report.bounds)
    )
    edits = []
    for now in after.values():
        then = before.pop(now.metric, None)
        if then is None:
            edits.append(f"{now.metric} {format_value(now.limit, now.unit)}, not limited then")
        elif then != now:
            was, limit = format_against(then.limit, now.limit, now.unit)
            edits.append(f"{now.metric} {limit}, was {was}")
    edits += [
        f"{name} not limited, was {format_value(one.limit, one.unit)}"
        for name, one in before.items()
    ]
    edited = "; ".join((*edits, *report.carried.edited)) or "goal.baseline"
    told = f"carried over: found before the contract was edited ({edited})"
    return [f"{told}; nothing was searched, which `doit clean` and a run would do"]


def without_model(report: Report) -> list[str]:
    """What needs no network, where the contract does not ask to be better than that."""
    asked = {one.metric for one in report.bounds}
    return some(
        f"ignored, as goal.baseline says: {WORDS[one.against]} has {one.of} "
        f"{format_value(one.limit, one.unit)}"
        for one in report.without_model
        if one.metric not in asked
    )


def not_compared(why: str) -> str:
    """That nothing but the engine itself stands for the outputs."""
    return (
        f"the device's outputs were compared with no reference: {why}; the metrics are those of "
        "the aot engine's C on this computer"
    )


def differs_text(best: TrialResult) -> list[str]:
    """That the outputs are not quite those that the metrics are of."""
    if not best.differs:
        return []
    told = "outputs of the device are not TensorFlow Lite Micro's, of which the metrics are"
    return [f"{told}: {best.differs}"]


def not_executed(best: TrialResult) -> list[str]:
    """That no figure is measured, and whose the goal's figures are."""
    measured = best.trial.measurements
    if not measured or any(one.source != "static" for one in measured):
        return []
    text = (
        "nothing was executed: every figure is computed; the goal's figures are of the int8 model"
    )
    return [f"{text} on this computer, and that the device computes the same was not verified"]


def not_measured(best: TrialResult) -> list[str]:
    """Why figures that were asked for are not known."""
    names: dict[str, list[str]] = {}
    for name, why in best.not_measured:
        names.setdefault(why, []).append(short_name(name))
    return [f"not measured: {', '.join(each)}: {why}" for why, each in names.items()]


def changed_text(report: Report) -> list[str]:
    """What was done to the model file that was brought along."""
    return [f"the model file: {one}" for result in report.results for one in result.changed]


def left_out_text(best: TrialResult) -> list[str]:
    """That the device ran fewer test examples than it runs of a faster model."""
    if not best.examples_left_out:
        return []
    count = best.examples_run + best.examples_left_out
    ran = f"the device ran {best.examples_run} of {count} test examples"
    why = "as more would take longer than target.verification_time"
    return [f"{ran}, {why}; the goal's figures are of the whole split, on this computer"]


def detection_text(best: TrialResult | None) -> list[str]:
    """What a detector makes of each split that it was asked on."""
    detected = {} if best is None else best.detected
    return [
        f"detected on the {split} split: {one.hits} of {one.hits + one.misses}, with "
        f"{one.false_alarms} false alarm{'' if one.false_alarms == 1 else 's'} in "
        f"{one.false_alarms + one.quiet} others"
        for split, one in sorted(detected.items(), reverse=True)  # validation comes first
    ]


def quantisation_text(report: Report) -> list[str]:
    """A warning where the best candidate's quantised model is far from its float network."""
    wider = report.dtype == "int8" and report.int16_fits
    advice = (
        "; `search: {activations: int16}` keeps 16 bits of each, where its layers can have them"
        if wider
        else ""
    )
    return some(
        f"warning: {report.dtype} is {100 * one.change:.3g} % off float, more than "
        f"goal.quantisation_change ({format_share(one.allowed)}): {one.metric} "
        f"{one.int8_value:.4g} instead of {one.float_value:.4g} on the validation split; "
        "an input or a layer has values of very different sizes, or the calibration data is "
        f"unlike the rest{advice}"
        for one in report.quantisation
        if one.candidate == report.best and one.large
    )


def range_text(report: Report) -> list[str]:
    """A warning where the best candidate's output cannot say what targets are."""
    return some(
        f"warning: the {report.dtype} output says {one.name} from "
        f"{format_value(one.low, one.unit)} to {format_value(one.high, one.unit)}; of the "
        f"validation targets {one.targets_below} lie below and {one.targets_above} above: "
        "`dataset.calibration: {output_range: targets}` has it reach as far as they do"
        for one in report.outputs
        if one.targets_below + one.targets_above
    )


def layer_text(report: Report) -> list[str]:
    """A warning where layers of the best candidate cut off much of what they compute.

    Of one that is many operators, as an unrolled GRU, the worst is told.
    """
    much = [one for one in report.layers if one.share >= MUCH_CUT_OFF]
    layers: dict[str, list[Rail]] = {}
    for one in sorted(much, key=lambda rail: -rail.share):
        layers.setdefault(one.name.partition("_")[2], []).append(one)  # without its place
    return some(
        f"warning: {format_share(worst.share)} of the values of layer {worst.name}"
        + (f", and less of {len(others)} more of its name," if others else "")
        + f" stand at an end of their {report.dtype} range on the validation split: the "
        "calibration examples do not reach as far; take more of them where there are more "
        "(`dataset.calibration.count`, or where a .tflite file was quantised)"
        for worst, *others in layers.values()
    )


def forecast_text(found: Mapping[str, ForecastError]) -> str:
    """How far off the agent's forecasts were."""
    parts = (f"{short_name(metric)} {one.median:.1%}" for metric, one in found.items())
    count = max(one.count for one in found.values())
    return f"foretold before it was built: {', '.join(parts)} off, median of {count}"


def model_use(use: ModelUse) -> str:
    """What a language model was asked, in one line."""
    used = use.usage
    cost = "" if use.cost_usd is None else f", {use.cost_usd:.4f} US dollars"
    count = f"{used.requests} answer{'' if used.requests == 1 else 's'}"
    return f"the model: {count}, {used.tokens:,} tokens{cost}"


def engine_text(choice: EngineChoice) -> str:
    """Which engine `auto` came to be, and why."""
    if choice.engine is None:
        return f"engine: not chosen, since no candidate keeps the limits: {choice.why}"
    on = f", on candidate {choice.candidate}" if choice.candidate else ""
    return f"engine: {choice.engine}{on}: {choice.why}"


def every(report: Report, best: TrialResult | None) -> list[str]:
    """All that is said of a run's end beside its clauses, in the order of the console."""
    chosen = [] if report.choice is None else [engine_text(report.choice)]
    each = targets_text(report, best)
    return [*each, *on_figures(report, best), *on_model(report, best), *chosen]


def on_figures(report: Report, best: TrialResult | None) -> list[str]:
    """Where the best candidate's figures are from."""
    lines = carried_text(report)
    if best is not None and best.not_compared:
        lines.append(not_compared(best.not_compared))
    told = [*not_executed(best), *differs_text(best), *not_measured(best)] if best else []
    told += left_out_text(best) if best else []
    return [*lines, *told]


def on_model(report: Report, best: TrialResult | None, lost: Iterable[str] = ()) -> list[str]:
    """What to be aware of about the model and its data.

    Args:
        report: The run.
        best: Its best candidate.
        lost: What is known of layers that lose by int8; it is no part of the report.
    """
    return [
        *changed_text(report),
        *detection_text(best),
        *without_model(report),
        *quantisation_text(report),
        *lost,
        *range_text(report),
        *layer_text(report),
    ]
