"""What the report as a page costs: the whole stage as a process, with few and with many candidates.

    .venv/bin/python -m benchmarks.page [--build FOLDER] > benchmarks/page.md

Runs glucose.yaml first where its result is not there yet. Reports of another number of candidates
are its own, with its candidates again and again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.graph import process
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.shell.tasks import load_plan
from mlforge_tasks.stages import page
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.verdict.trials import TrialResult

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = "contracts/glucose.yaml"
COUNTS = (1, 8, 20, 200)
ROUNDS = 5
TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Cost:
    """What pages of so many candidates cost.

    Attributes:
        seconds: Wall time of each.
        cpu_seconds: Time of the processor of each.
        size_bytes: Of the page.
    """

    seconds: list[float]
    cpu_seconds: list[float]
    size_bytes: int


def inputs_of(build: Path) -> tuple[dict[str, str], Mapping[str, object]]:
    """What the page of the contract is made of: folders by name, and what its stage is told."""
    plan = load_plan(CONTRACT, str(build))
    if not (plan.folder / "delivered" / page.PAGE).is_file():
        run = [str(Path(sys.executable).parent / "doit"), "run", f"contract={CONTRACT}"]
        process.check([*run, f"build={build}"], timeout_s=TIMEOUT_S, cwd=ROOT)
    made = [one for one in plan.stages(plan.begun()) if one.kind.module == page.__name__]
    stage = next(one for one in reversed(made) if one.manifest_path.is_file())
    folders = {
        name: str(one.folder) for name, one in stage.inputs.items() if isinstance(one, Stage)
    }
    return folders, stage.config


def of(report: Report, count: int) -> Report:
    """The same with another number of candidates; the best is the last."""
    others = [one for one in report.results if one.trial.id != report.best]
    best = next(one for one in report.results if one.trial.id == report.best)
    again = [others[at % len(others)] if others else best for at in range(count - 1)]
    named = [_named(one, f"{at // 8 + 3}.{at % 8}") for at, one in enumerate(again)]
    return report.model_copy(update={"results": (*named, best)})


def _named(result: TrialResult, name: str) -> TrialResult:
    return result.model_copy(update={"trial": result.trial.model_copy(update={"id": name})})


def cost(folders: Mapping[str, str], config: Mapping[str, object], report: Report) -> Cost:
    """What a page costs, made again and again."""
    wall, cpu, size = [], [], 0
    with tempfile.TemporaryDirectory() as name:
        own, out, request = Path(name, "report"), Path(name, "out"), Path(name, "request.json")
        own.mkdir()
        out.mkdir()
        report.write(own / "report.json")
        told = {"inputs": {**folders, "report": str(own)}, "out": str(out), "config": config}
        request.write_text(json.dumps(told))
        argv = [sys.executable, "-m", "mlforge_tasks.stages.page", str(request)]
        for _ in range(ROUNDS):
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            process.check(argv, timeout_s=TIMEOUT_S, cwd=ROOT)
            wall.append(time.monotonic() - started)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu.append(sum(after[:2]) - sum(before[:2]))
            size = (out / page.PAGE).stat().st_size
    return Cost(wall, cpu, size)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="the build tree")
    folders, config = inputs_of(parser.parse_args().build)
    report = Report.read(Path(folders["report"]) / "report.json")
    print(
        f"Made by `.venv/bin/python -m benchmarks.page`: the stage that writes `{page.PAGE}` of\n"
        f"glucose.yaml as a process of its own, Python's start included, {ROUNDS} times each, the\n"
        f"median ({os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before). Its "
        "candidates are taken again\nand again for other numbers of them.\n\n"
        "| candidates | wall time | processor time | size |\n|---|---|---|---|"
    )
    for count in COUNTS:
        found = cost(folders, config, of(report, count))
        wall, cpu = map(statistics.median, (found.seconds, found.cpu_seconds))
        print(f"| {count} | {wall:.2f} s | {cpu:.2f} s | {found.size_bytes / 1e6:.2f} MB |")


if __name__ == "__main__":
    main()
