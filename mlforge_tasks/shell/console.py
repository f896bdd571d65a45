"""What a run says of candidates: a row each, and a table at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict import layer_words
from mlforge_tasks.verdict.layer_noise import LAYERS, Layers
from mlforge_tasks.verdict.notes import (
    engine_text,
    forecast_text,
    model_use,
    on_figures,
    on_model,
    targets_text,
)
from mlforge_tasks.verdict.words import (
    cycles_text,
    known_clauses,
    profile_text,
    shortfall,
    verdict_text,
)
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlforge_tasks.verdict.trials import Report, TrialResult

COLUMNS = ("candidate", "architecture", "flash", "RAM", "latency")
# Of what a goal asks, as many as a table is wide enough for; the verdict names what is missed.
FIGURES_SHOWN = 3
ARCHITECTURE_WIDTH = 48
ABSENT = "-"
NOTHING = "nothing was to do"


def _cell(result: TrialResult, metric: str) -> str:
    found = result.measurement(metric)
    return format_value(found.value, found.unit) if found else ABSENT


def row(result: TrialResult, metrics: Iterable[str]) -> tuple[str, ...]:
    """A candidate's line of the table, with some of its figures."""
    brief = result.brief
    if len(brief) > ARCHITECTURE_WIDTH:
        brief = brief[: ARCHITECTURE_WIDTH - 1] + "…"
    figures = (_cell(result, metric) for metric in metrics)
    return (result.trial.id, brief, *figures, verdict_text(result))


def table(rows: Iterable[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Rows below a header, columns as wide as they need."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([text[0], "  ".join("-" * width for width in widths), *text[1:]])


def summary(report: Report, folder: Path) -> str:
    """The end of a run: every candidate, the contract's limits, what came out and where it is."""
    asked = report.goals[:FIGURES_SHOWN]
    header = (*COLUMNS, *asked, "verdict")
    limits = {bound.metric: format_value(bound.limit, bound.unit) for bound in report.bounds}
    metrics = (*report.shown, *asked)
    rows = [
        ("limit", "", *(limits.get(metric, ABSENT) for metric in metrics), ""),
        *(row(result, metrics) for result in report.results),
    ]
    lines = ["", table(rows, header), ""]
    best = report.best_result()
    if report.met and best is not None:
        lines.append(f"PASS: candidate {best.trial.id} meets {report.name}")
        lines += known_clauses(best.trial.verdict)
        lines += on_figures(report, best)
        lines += cycles_text(best)
        lines += profile_text(best.trial.profile)
    else:
        lines.append(shortfall(report))
    lines += targets_text(report, best)
    lines += on_model(report, best, _lost(folder))
    if report.forecast_errors:
        lines.append(forecast_text(report.forecast_errors))
    if report.choice is not None:
        lines.append(engine_text(report.choice))
    looks = len(report.asked())
    lines.append(f"the test split was asked of {looks} candidate{'' if looks == 1 else 's'}")
    if report.model_use is not None:
        lines.append(model_use(report.model_use))
    lines += [f"delivered: {folder}/"] if report.met else []
    lines.append(f"report: {folder}/report.html")
    return "\n".join(lines) + "\n"


def _lost(folder: Path) -> list[str]:
    """A warning that names the layer in which int8 loses most, where it loses much."""
    path = folder / LAYERS
    found = Layers.read(path) if path.is_file() else None  # a run before it was made had none
    return [] if found is None or found.worst is None else [f"warning: {layer_words.told(found)}"]


def nothing_to_do(report: Report, folder: Path) -> str:
    """The one line of a run that found all of it in its place."""
    best = report.best_result()
    if report.met and best is not None:
        met = f"PASS: candidate {best.trial.id} meets {report.name}"
        return f"{met}; {NOTHING}; delivered: {folder}/"
    why = shortfall(report).partition("\n")[0]
    return f"{why}; {NOTHING}; report: {folder}/report.html"
