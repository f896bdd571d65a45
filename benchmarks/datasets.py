"""Six data sets, from `doit new` and a few edits to firmware that runs; scikit-learn beside each.

    .venv/bin/python -m benchmarks.datasets [NAME ...] > benchmarks/datasets.md

Gets the data (wheels from the package index, two repositories with git), writes each contract with
`doit new`, applies `benchmarks/edits/NAME.diff` to it, runs it, and trains scikit-learn's models on
the arrays of its dataset stage. All of it lies in `build/datasets`; what was run is not run again.
Needs `./bootstrap --dev` and the extras `audio` and `images`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._command_line import parser
from benchmarks._data_sets import DATA, DATA_SETS, FOLDER, ROOT
from benchmarks._scikit import JUDGED, Reached, compared
from mlforge_tasks.contract import loader, metrics
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.graph import process
from mlforge_tasks.verdict.constraints import TEST_SUFFIX
from mlforge_tasks.verdict.trials import Report
from mlforge_tasks.yaml_file.units import format_bytes, format_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.contract.contract import Contract

TREE = FOLDER / "tree"
EDITS = ROOT / "benchmarks" / "edits"
DOIT = Path(sys.executable).parent / "doit"
BOARD = "mps2/an386"
TIMEOUT_S = 6 * 3600.0
# Exit codes of a run that came to its end: the contract is met, or it is not.
ENDED = (0, 1)
HEAD = """\
Made by `.venv/bin/python -m benchmarks.datasets`, which gets the data into `build/datasets/data`.
Each figure is on validation / test data; size and latency are emulated. scikit-learn's models are
trained on the same normalised training examples as they are, flattened, and not tuned.

Firmware is given 32 test examples, of a detector half of them to be detected, or as many as there
are. It has to answer with the same bytes as TensorFlow Lite Micro on the host, and to decide the
same, or the run ends with an error; the figures of whole splits are the host's."""


def command(name: str) -> list[str]:
    """What is asked of `doit new`."""
    data = (DATA / DATA_SETS[name].data).relative_to(ROOT)
    return ["new", f"name={name}", f"data={data}", f"board={BOARD}"]


def started(name: str) -> Path:
    """The contract, as it is after `doit new` and the edits; it does not stay among `contracts`."""
    made, kept = ROOT / "contracts" / f"{name}.yaml", FOLDER / f"{name}.yaml"
    process.check([str(DOIT), *command(name)], timeout_s=TIMEOUT_S, cwd=ROOT)
    try:
        edit = ["git", "apply", str(EDITS / f"{name}.diff")]
        process.check(edit, timeout_s=TIMEOUT_S, cwd=ROOT)
        made.replace(kept)
    finally:
        made.unlink(missing_ok=True)
    return kept


def end_of(contract: Path) -> str:
    """What the console says at the end of a run: the table of candidates and the verdict."""
    asked = [f"contract={contract}", f"build={TREE}"]
    # Of an earlier run nothing but what the store has, so that the contract alone decides.
    process.check([str(DOIT), "clean", *asked], timeout_s=TIMEOUT_S, cwd=ROOT)
    done = process.run([str(DOIT), "run", *asked], timeout_s=TIMEOUT_S, cwd=ROOT)
    if done.returncode not in ENDED:
        raise SystemExit(f"{contract.name}: {done.ending('doit run')}\n{done.tail()}")
    lines = done.output.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("candidate "))
    return "\n".join(
        line
        for line in lines[first:]
        if not line.startswith("delivered: ") and not line.endswith(" executed")
    )


def report_of(name: str) -> Report:
    """The last one of a run."""
    paths = sorted((TREE / name / "iterations").glob("*/report/report.json"))
    return Report.read(paths[-1])


def ours(report: Report) -> Reached:
    """The best candidate."""
    best = next(one for one in report.results if one.trial.id == report.best)
    found = {one.metric: one.value for one in best.trial.measurements}
    size = (
        f"{format_bytes(found['flash_bytes'])} of flash, {format_bytes(found['ram_bytes'])} of RAM,"
        f" {format_us(found['latency_us'])}"
    )
    figures = {
        split: tuple(found.get(name + suffix) for name in report.goals)
        for split, suffix in zip(JUDGED, ("", TEST_SUFFIX), strict=True)
    }
    return Reached(f"**int8 on {report.board}**", size, figures)


def row(one: Reached) -> str:
    """A line of the table: each figure on validation and test data."""
    pairs = zip(*(one.figures[split] for split in JUDGED), strict=True)
    cells = (
        " / ".join("-" if figure is None else f"{figure:.4g}" for figure in pair) for pair in pairs
    )
    return f"| {one.name} | {' | '.join(cells)} | {one.size} |"


def better(contract: Contract, goals: Sequence[str], own: Reached, others: list[Reached]) -> str:
    """Which of scikit-learn's models are better on test data by each figure that leads."""
    told = []
    for at, name in enumerate(goals):
        if not name.startswith(contract.goal.metric):
            continue  # a precision is only kept, so that of a lower recall is no better
        mine = own.figures["test"][at]
        beat = [
            one.name
            for one in others
            if (theirs := one.figures["test"][at]) is not None
            and metrics.better(contract.goal.metric, theirs, mine)
        ]
        told.append(f"by `{name}` {', '.join(beat) or 'none'}")
    return f"Better than the firmware on test data: {'; '.join(told)}."


def show(name: str) -> None:
    """A data set's part of the page."""
    DATA_SETS[name].get()
    path = started(name)
    end, report, contract = end_of(path), report_of(name), loader.load(path, ROOT)
    folder, goals = TREE / name / "dataset", report.goals
    length = DataCard.read(folder / "data_card.json").window_length
    own, others = ours(report), compared(contract, folder, length)
    asked = f".venv/bin/doit {' '.join(command(name))}"
    edited = f"git apply benchmarks/edits/{name}.diff"
    run = f".venv/bin/doit run contract=contracts/{name}.yaml"
    print(f"\n## {name}\n\n{DATA_SETS[name].origin}\n\n```\n{asked}\n{edited}\n{run}\n```")
    print(f"```diff\n{(EDITS / f'{name}.diff').read_text()}```\n```\n{end}\n```\n")
    print(f"| model | {' | '.join(goals)} | size |\n|---|{'---|' * len(goals)}---|")
    print("\n".join(map(row, (own, *others))))
    print(f"\n{better(contract, goals, own, others)}", flush=True)


def main() -> None:
    """Prints the page."""
    arguments = parser(__doc__)
    arguments.add_argument("names", nargs="*", choices=[*DATA_SETS, []], help="by default all")
    names = arguments.parse_args().names or list(DATA_SETS)
    DATA.mkdir(parents=True, exist_ok=True)
    print(HEAD)
    for name in names:
        show(name)


if __name__ == "__main__":
    main()
