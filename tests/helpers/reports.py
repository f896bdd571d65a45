"""The report on candidates that were judged elsewhere, and what the console makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.quantisation import ACTIVATIONS
from mlforge_tasks.shell.console import summary
from mlforge_tasks.stages import report
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


MSE = tuple(Bound(metric=name, limit=1.0, unit="1") for name in ("mse", "mse_test"))


def reported(
    inputs: Mapping[str, Path], folder: Path, bounds: tuple[Bound, ...] = MSE
) -> tuple[Report, str]:
    """Of a contract that asks for a mean squared error of 1.

    Args:
        inputs: As `report.run` takes them.
        folder: Where it writes to.
        bounds: What else is asked.
    """
    config = {
        "name": "own",
        "mode": "simulate",
        "target.board": "mps2/an385",
        "target.engine": "aot",
        "goal.baseline": "beat",
        "goal.quantisation_change": 0.1,
        "leading": ["mse"],
        "bounds": [one.model_dump(mode="json") for one in bounds],
        "margins": {},
        "memories": {},
        "engines": ["aot"],
        "operators": {},
        "patches": "off",
        ACTIVATIONS: "int8",
        "int16_fits": True,
    }
    report.run(inputs, folder, config)
    found = Report.read(folder / "report.json")
    return found, summary(found, folder)
