"""How far off the optimiser's predictions are on random networks, after eight measurements.

    .venv/bin/python -m benchmarks.cost_model > benchmarks/cost_model.md

For each contract, networks drawn uniformly from its search space are built untrained with the
pipeline's own stages and measured on its board; each is foretold from those before it.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._agents_table import MEASURED, error_table
from benchmarks.agents import CONTRACTS, ROOT, plan_of
from mlforge_tasks.agents import DesignBrief
from mlforge_tasks.agents._cost import hindsight, measured_figures
from mlforge_tasks.agents._features import METRICS
from mlforge_tasks.agents._space import space_for
from mlforge_tasks.architecture import Architecture, static_figures
from mlforge_tasks.architecture import brief as brief_text
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.search import LLM
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import Record
from mlforge_tasks.stages import _probe
from mlforge_tasks.stages._brief import brief_of
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.records import Measurement

# Networks much larger than these boards are for say nothing about those that are chosen.
MOST_WEIGHT_BYTES, MOST_ACTIVATION_BYTES = 60_000, 30_000


def drawn(brief: DesignBrief, seed: str) -> Iterator[tuple[Architecture, StaticFigures]]:
    """Networks of a task's space, without end."""
    space, rng = space_for(brief.input_shape, brief.task), random.Random(seed)  # noqa: S311 - not for secrets
    while True:
        architecture = space.architecture(space.sample(rng))
        try:
            figures = static_figures(
                architecture, brief.input_shape, brief.task, brief.output_count
            )
        except CandidateFailure:
            continue
        small = figures.weight_bytes <= MOST_WEIGHT_BYTES
        if small and figures.peak_activation_bytes <= MOST_ACTIVATION_BYTES:
            yield architecture, figures


def measure(
    architecture: Architecture, dataset: Path, config: Mapping[str, Any]
) -> tuple[Measurement, ...]:
    """What a network takes on the target, untrained."""
    design = architecture.model_dump(mode="json")
    request = config["probe"] | {"engines": config["engines"], "architecture": design}
    with tempfile.TemporaryDirectory() as folder:
        _probe.run({"dataset": dataset}, Path(folder), request)
        return RunReport.read(Path(folder) / _probe.REPORT).measurements


class Measured(Record):
    """Networks of a contract that were measured; kept, so that another model can be compared."""

    brief: DesignBrief
    trials: tuple[Trial, ...] = ()


def measured(contract: str, options: argparse.Namespace) -> Measured:
    """Random networks of a contract, on its board."""
    # This agent is one that probes, so its proposals' configuration says how.
    plan = plan_of(contract, LLM, 1, options)
    dataset, propose = plan.preparation.dataset, plan.iterations[0].propose
    if propose is None:
        raise AssertionError("this agent proposes")
    dataset.run()
    card = DataCard.read(dataset.folder / "data_card.json")
    brief = brief_of(card, plan.contract.search, propose.config)
    file = options.build / f"{contract}-{options.seed}.json"
    done = Measured.read(file) if file.exists() else Measured(brief=brief)
    networks = drawn(brief, f"{contract}:{options.seed}")
    for architecture, figures in itertools.islice(networks, len(done.trials), options.networks):
        made = measure(architecture, dataset.folder, propose.config)
        name = f"{len(done.trials) + 1}.0"
        trial = Trial(id=name, architecture=architecture, figures=figures, measurements=made)
        done = Measured(brief=brief, trials=(*done.trials, trial))
        done.write(file)
        print(f"{contract} {name}: {brief_text(architecture)}", file=sys.stderr, flush=True)
    return done


def misses(found: Measured) -> dict[str, list[float]]:
    """How far off each figure was foretold."""
    off: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for trial, expected in hindsight(found.brief, found.trials)[MEASURED:]:
        for metric, value in measured_figures(found.brief, trial).items():
            off.setdefault(metric, []).append(abs(expected[metric] / value - 1.0))
    return off


def main() -> None:
    """Prints the table as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--contracts", nargs="+", default=CONTRACTS, choices=CONTRACTS)
    parser.add_argument("--networks", type=int, default=24, help="of each contract")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "cost_model")
    options = parser.parse_args()
    vars(options).update(budget=1, train_all=False, model="none")
    found = {contract: misses(measured(contract, options)) for contract in options.contracts}
    print(error_table(found))


if __name__ == "__main__":
    main()
