"""report: the whole run so far as `report.json`, and its convergence as a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.plugins import AUTO
from mlforge_tasks.quantisation import ACTIVATIONS
from mlforge_tasks.stages import main
from mlforge_tasks.stages._shortfall import shortfall
from mlforge_tasks.verdict.baselines import bounds_of
from mlforge_tasks.verdict.constraints import TEST_SUFFIX, UNITS, Bound
from mlforge_tasks.verdict.engine_choice import CHOICE, EngineChoice, only
from mlforge_tasks.verdict.evaluation import EVALUATION, Evaluation
from mlforge_tasks.verdict.forecast import FORECAST, Forecast, errors
from mlforge_tasks.verdict.quantisation_loss import QuantisationLoss, loss
from mlforge_tasks.verdict.transcript import TRANSCRIPT, Transcript, Transcripts
from mlforge_tasks.verdict.trials import Carried, Report, ReportedTarget, Trials, ranked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

    from mlforge_tasks.verdict.forecast import ForecastError
    from mlforge_tasks.verdict.trials import TrialResult

SCALES = {"B": (1 / 1024, "KiB"), "us": (1 / 1000, "ms"), "1": (1.0, "")}
# Each output may have a figure of its own, and a picture has an end.
MOST_GOALS = 9
PASSED, TRAINED, REFUSED, LIMIT = "#1a7f37", "#0969da", "#8c959f", "#cf222e"
BASELINE = "#9a6700"

# All that it tells of the contract's target.
TARGET = ("target.board", "target.engine", "target.platform")

KIND = StageKind(
    __name__,
    ("report.json", "convergence.png"),
    isolated=True,
    fields=(*TARGET, "mode", "goal.baseline", "goal.quantisation_change", ACTIVATIONS),
    runs_after_failure=True,
)


def _colour(result: TrialResult) -> str:
    if result.trial.reason is not None:
        return REFUSED
    verdict = result.trial.verdict
    return PASSED if verdict is not None and verdict.met else TRAINED


def _panel(axes: Axes, report: Report, metric: str) -> None:
    """One figure over the candidates, with its limit; held-out test values as rings."""
    scale, unit = SCALES[UNITS.get(metric, "1")]
    heights = [bound.limit * scale for bound in report.bounds if bound.metric == metric]
    for limit in heights:
        axes.axhline(limit, color=LIMIT, linewidth=1.2, linestyle="--")
    known = (one for one in report.without_model if one.of == metric)
    for one in known:
        axes.axhline(one.limit * scale, color=BASELINE, linewidth=1.2, linestyle=":")
        heights.append(one.limit * scale)
    for position, result in enumerate(report.results):
        for name, face in ((metric, _colour(result)), (metric + TEST_SUFFIX, "none")):
            found = result.measurement(name)
            if found is not None:
                height = found.value * scale
                axes.plot(
                    position, height, "o", mfc=face, mec=_colour(result), markersize=7, zorder=3
                )
                heights.append(height)
    axes.set_title(f"{_title(metric)} ({unit})" if unit else _title(metric), fontsize=10)
    axes.set_xticks(range(len(report.results)), [one.trial.id for one in report.results])
    axes.tick_params(labelsize=8)
    axes.set_ylim(0, 1.1 * max(heights, default=1.0))
    axes.margins(x=0.08)
    axes.grid(visible=True, axis="y", alpha=0.3)


def _title(metric: str) -> str:
    name = metric.removesuffix("_bytes").removesuffix("_us")
    return {"ram": "RAM"}.get(name, name)


def draw(report: Report, path: Path) -> None:
    """Writes the convergence picture; equal reports give equal bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy
    from matplotlib.figure import Figure  # noqa: PLC0415 - heavy
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy

    drawn = report.goals[:MOST_GOALS]
    metrics = (*report.shown, *drawn)
    rows = math.ceil(len(metrics) / 2)
    figure = Figure(figsize=(9, 2.4 * rows + 0.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, 2).flat)
    for axes, metric in zip(panels, metrics, strict=False):
        _panel(axes, report, metric)
    for axes in panels[len(metrics) :]:
        axes.set_axis_off()
    outcome = f"met by candidate {report.best}" if report.met else "not met"
    if len(drawn) < len(report.goals):
        outcome += f" (the first {len(drawn)} of {len(report.goals)} figures that are asked)"
    figure.suptitle(f"{report.name} on {report.board}: {outcome}", fontsize=12)
    marks = {"refused untrained": REFUSED, "trained": TRAINED, "meets the contract": PASSED}
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=label)
        for label, colour in marks.items()
    ]
    on_test = f"{report.goal if len(report.goals) == 1 else 'figures'} on the test split"
    handles.append(Line2D([], [], marker="o", linestyle="", mfc="none", mec=TRAINED, label=on_test))
    handles.append(Line2D([], [], linestyle="--", color=LIMIT, label="limit"))
    if report.without_model:
        label = f"without a model ({report.without_model[0].against})"
        handles.append(Line2D([], [], linestyle=":", color=BASELINE, label=label))
    figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Software": None})


def _forecast_errors(
    inputs: Mapping[str, Path], results: tuple[TrialResult, ...]
) -> dict[str, ForecastError] | None:
    """What the agent expected of each candidate against what was measured of its shapes."""
    expected = {
        f"{int(name.removeprefix('propose'))}.{index}": one
        for name, folder in inputs.items()
        if (folder / FORECAST).exists()
        for index, one in enumerate(Forecast.read(folder / FORECAST).candidates)
    }
    measured = {
        result.trial.id: {one.metric: one.value for one in result.trial.of_its_shapes}
        for result in results
    }
    found = errors((one, measured.get(name, {})) for name, one in expected.items())
    return found or None


def _choice(inputs: Mapping[str, Path], config: Mapping[str, Any]) -> EngineChoice | None:
    """Where the contract leaves the engine open: which it is."""
    if "choice" in inputs:
        return EngineChoice.read(inputs["choice"] / CHOICE)
    if config["target.engine"] != AUTO or len(config["engines"]) > 1:
        return None  # it is named, or yet to be chosen
    (engine,) = config["engines"]
    return only(engine, config["target.platform"], config["target.board"])


def _best(results: tuple[TrialResult, ...], bounds: tuple[Bound, ...]) -> str | None:
    """The candidate that meets the contract, or comes closest; None where there is none."""
    return next((one.trial.id for one in ranked(results, bounds)), None)


def _results(inputs: Mapping[str, Path]) -> tuple[TrialResult, ...]:
    """Every candidate, oldest first."""
    folders = [inputs[name] for name in sorted(inputs) if name.startswith("judge")]
    return tuple(r for one in folders for r in Trials.read(one / "trials.json").results)


def _evaluations(
    inputs: Mapping[str, Path], results: tuple[TrialResult, ...]
) -> dict[str, Evaluation]:
    """What there is of every candidate that was evaluated, by its id."""
    paths = {one.trial.id: inputs.get(f"{one.trial.id}.evaluate") for one in results}
    files = {at: path / EVALUATION for at, path in paths.items() if path is not None}
    return {at: Evaluation.read(file) for at, file in files.items() if file.exists()}


def _without_model(
    evaluations: Mapping[str, Evaluation], bounds: tuple[Bound, ...], leading: list[str]
) -> tuple[Bound, ...]:
    """What the best rule without a network has; any evaluation knows it."""
    first = next(iter(evaluations.values()), None)
    return () if first is None else bounds_of(bounds, leading, first)


def _quantisation(
    evaluations: Mapping[str, Evaluation], allowed: float
) -> tuple[QuantisationLoss, ...]:
    """What quantisation changed, of each candidate whose float figure is known."""
    return tuple(
        loss(at, name, float_value, one.validation.figures[name], allowed)
        for at, one in evaluations.items()
        for name, float_value in one.validation.float_figures.items()
    )


def _transcripts(inputs: Mapping[str, Path]) -> Transcripts:
    """What a language model said in each round, where one was asked."""
    rounds = {
        int(name.removeprefix("propose")): Transcript.read(folder / TRANSCRIPT)
        for name, folder in inputs.items()
        if (folder / TRANSCRIPT).exists()
    }
    return Transcripts(rounds=rounds)


def _validation(best: Evaluation | None) -> dict[str, Any]:
    """What the report tells of the best candidate on validation data, where it is evaluated."""
    if best is None:
        return {}
    split = best.validation
    return {"outputs": split.outputs, "layers": split.layer_rails, "dtype": best.dtype}


def _asked(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the report tells as the contract has it."""
    return {
        "name": config["name"],
        "board": config["target.board"],
        "mode": config["mode"],
        "engine": config["target.engine"],
        "int16_fits": config["int16_fits"],
        **({"energy": config["energy"]} if "energy" in config else {}),
        "targets": tuple(ReportedTarget.from_dump(one) for one in config.get("targets", ())),
    }


def so_far(inputs: Mapping[str, Path], config: Mapping[str, Any], *, ended: bool = True) -> Report:
    """A search up to some round, which may go on.

    Args:
        inputs: `judgeNN` for each iteration, `proposeNN` unless a model was brought along, and
            `choice` where there was an engine to choose; and what `shortfall` reads.
        config: `name`, `bounds`, `leading` (names of the leading figures), `engines`, `TARGET`,
            `int16_fits`, `mode`, `goal.baseline`, `goal.quantisation_change`, `carried` where an
            earlier search found the candidate, `energy` where there is something to say of it, and
            what `shortfall` is told.
        ended: Whether it is to be told why the contract was not met.
    """
    results = _results(inputs)
    bounds = tuple(Bound.from_dump(bound) for bound in config["bounds"])
    evaluations = _evaluations(inputs, results)
    without_model = _without_model(evaluations, bounds, config["leading"])
    bounds += () if config["goal.baseline"] == "ignore" else without_model
    met = any(one.trial.verdict.met for one in results if one.trial.verdict)
    best, transcripts = _best(results, bounds), _transcripts(inputs)
    return Report(
        **_asked(config),
        choice=_choice(inputs, config),
        bounds=bounds,
        met=met,
        best=best,
        results=results,
        shortfall=None if met or not ended else shortfall(inputs, results, bounds, config),
        forecast_errors=_forecast_errors(inputs, results),
        model_use=transcripts.use() if transcripts.rounds else None,
        carried=Carried.from_dump(config["carried"]) if "carried" in config else None,
        without_model=without_model,
        **_validation(evaluations.get(best or "")),
        quantisation=_quantisation(evaluations, config["goal.quantisation_change"]),
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `report.json` and `convergence.png`, and `transcripts.json` of a model that was asked.

    Args:
        inputs: As `so_far` takes them.
        out: Output folder.
        config: Likewise.
    """
    report, transcripts = so_far(inputs, config), _transcripts(inputs)
    report.write(out / "report.json")
    draw(report, out / "convergence.png")
    if transcripts.rounds:
        transcripts.write(out / "transcripts.json")


if __name__ == "__main__":
    main(run)
