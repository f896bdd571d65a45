"""Trainings until a contract is met, on ten contracts, held against another checkout of MLForge.

    .venv/bin/python -m benchmarks.trainings --before FOLDER > benchmarks/trainings.md

FOLDER is a checkout of an older commit (`git worktree add FOLDER COMMIT`) with this checkout's
packages (`ln -s $PWD/.venv FOLDER/.venv`). Both run each contract of `contracts/` and
`benchmarks/trainings/` with the optimiser and several seeds, in turns; `--contracts` and `--seeds`
choose which. Searches lie below `build/trainings` of each checkout: run it again to go on.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml
from sklearn.datasets import load_digits

from benchmarks._command_line import parser
from benchmarks._data_sets import rare
from mlforge_tasks.contract.loader import load
from mlforge_tasks.graph import process
from mlforge_tasks.graph.manifest import PROVENANCE, Provenance
from mlforge_tasks.stages._training import Training
from mlforge_tasks.verdict.constraints import TEST_SUFFIX
from mlforge_tasks.verdict.limits import BY_METRIC
from mlforge_tasks.verdict.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.records import Verdict

ROOT = Path(__file__).resolve().parent.parent
DOIT = Path(sys.executable).parent / "doit"
# Those that the agents are compared on, and seven of other data.
THREE = ("glucose", "activity", "digits")
OTHERS = ("shuttle", "weather", "motions", "power", "yeast", "optical", "rare")
FOLDERS = (ROOT / "contracts", ROOT / "benchmarks" / "trainings")
WORK = Path("build") / "trainings"
ROUNDS = 4
# No trained candidate is told by its golden examples: a few, that emulation takes less time.
VERIFICATION_TIME = "1 s"
TIMEOUT_S = 3600.0
HEAD = """\
Made by `.venv/bin/python -m benchmarks.trainings --before FOLDER`: the optimiser on contracts of
`contracts/` and `benchmarks/trainings/`, limits and goals as they are, at most 4 rounds of one
candidate, bare-metal QEMU, seeds from 1 on. Medians (of two in the middle the larger), and each
seed's count; `>` is a search whose contract was not met.

Limits and goals of weather, motions and rare are those of `benchmarks.datasets`; of power, yeast
and optical the goal is what scikit-learn's random forest (300 trees) reaches on the worse of
validation and test data, rounded down to a whole percent. Power's was 96 % at first, and was set by
that rule after a search that missed it five times.

**Late** is the share of a search's time, all stages, that trainings took which ended short of the
goal on validation data, from their `patience`-th epoch on. Nobody who foresees from its curve how a
training ends could save more.
"""
# Exit codes of a run that came to its end: the contract is met, or it is not.
ENDED = (0, 1)


@dataclass(frozen=True)
class Search:
    """One search.

    Attributes:
        trained: Trainings that were begun, until the contract was met or the rounds were over.
        met: Whether it was met.
        seconds: Of all its stages.
        late: Of that, what trainings took that ended short of the goal, from their `patience`-th
            epoch on: all that could have been saved by whoever foresaw their ends.
    """

    trained: int
    met: bool
    seconds: float
    late: float


def write_data(checkout: Path) -> None:
    """The two data sets that are no file of a wheel: one of scikit-learn's, and a made-up one."""
    folder = checkout / WORK / "data"
    folder.mkdir(parents=True, exist_ok=True)
    found = load_digits()
    rows = np.column_stack([found.data, found.target])
    np.savetxt(folder / "optical.csv", rows, fmt="%d", delimiter=",")
    rare(folder / "rare.csv")


def given(name: str) -> Path:
    """Where a contract lies."""
    return next(path for each in FOLDERS if (path := each / f"{name}.yaml").exists())


def _contract(checkout: Path, name: str, seed: int) -> Path:
    """The contract as it is, but for its seed and its rounds."""
    asked = yaml.safe_load(given(name).read_text())
    asked["search"] = {"agent": "optimizer", "max_iterations": ROUNDS, "seed": seed}
    asked["target"]["verification_time"] = VERIFICATION_TIME
    path = WORK / f"{name}_{seed}.yaml"
    (checkout / path).write_text(yaml.safe_dump(asked, sort_keys=False))
    return path


def search(checkout: Path, name: str, seed: int) -> Search:
    """Runs a contract with a checkout's code.

    Raises:
        RuntimeError: The run broke.
    """
    path = _contract(checkout, name, seed)
    tree = checkout / WORK / "tree" / path.stem
    # Of an earlier run nothing but what the store has, so that the contract alone decides.
    shutil.rmtree(tree, ignore_errors=True)
    argv = [str(DOIT), "run", f"contract={path}", f"build={WORK / 'tree'}"]
    done = process.run(argv, timeout_s=TIMEOUT_S, cwd=checkout)
    if done.returncode not in ENDED:
        raise RuntimeError(f"{checkout}: {done.ending('doit run')}\n{done.tail()}")
    return _read(tree, load(given(name), ROOT).training.patience)


def _read(tree: Path, patience: int) -> Search:
    """What a search left behind."""
    made = {one.parent: Provenance.read(one) for one in tree.rglob(PROVENANCE)}
    begun, late, met = 0, 0.0, False
    for judged in sorted(tree.glob("iterations/*/judge/trials.json")):
        for at, result in enumerate(Trials.read(judged).results):
            folder = judged.parent.parent / str(at) / "train"
            reason = made[folder].manifest.reason
            if reason is not None and reason.stage != "train":
                continue
            begun += 1
            verdict = result.trial.verdict
            met |= verdict is not None and verdict.met
            if reason is None and verdict is not None and is_short(verdict):
                epochs = len(Training.read(folder / "training.json").validation_metric)
                late += made[folder].seconds * max(0, epochs - patience) / epochs
    return Search(begun, met, sum(one.seconds for one in made.values()), late)


def is_short(verdict: Verdict) -> bool:
    """Whether a model misses what is asked of it on validation data."""
    missed = {one.metric for one in verdict.clauses if one.status == "fail"}
    return any(not one.endswith(TEST_SUFFIX) and one not in BY_METRIC for one in missed)


def median(searches: Sequence[Search]) -> int:
    """Of how many trainings it takes; of one that did not meet its contract, one more than all.

    Of two in the middle the larger.
    """
    return statistics.median_high(one.trained + (not one.met) for one in searches)


def _cell(searches: Sequence[Search]) -> str:
    each = ", ".join(f"{'' if one.met else '>'}{one.trained}" for one in searches)
    return f"**{median(searches)}** ({each})"


def row(name: str, before: Sequence[Search], after: Sequence[Search]) -> str:
    """A contract's line of the table."""
    contract = load(given(name), ROOT)
    asked = f"{contract.task}, {contract.goal.metric}"
    cells = f"{_cell(before)} | {_cell(after)} | {late_of(after):.1%}"
    return f"| {name} | {asked} | {cells} |"


def late_of(searches: Sequence[Search]) -> float:
    """The share of all these searches' time that was late."""
    return sum(one.late for one in searches) / sum(one.seconds for one in searches)


def main() -> None:
    """Prints the page, and each search on stderr as it ends."""
    arguments = parser(__doc__)
    arguments.add_argument("--before", type=Path, required=True, help="the other checkout")
    arguments.add_argument("--seeds", type=int, default=3, help="as many, from 1")
    names = (*THREE, *OTHERS)
    arguments.add_argument("--contracts", nargs="+", default=names, choices=names)
    asked = arguments.parse_args()
    other: Path = asked.before.resolve()
    checkouts = (other, ROOT)
    for one in checkouts:
        write_data(one)
    found: dict[tuple[str, Path], list[Search]] = {}
    for seed in range(1, asked.seeds + 1):
        for name in asked.contracts:
            for one in checkouts:
                found.setdefault((name, one), []).append(search(one, name, seed))
                print(one, name, seed, found[name, one][-1], file=sys.stderr, flush=True)
    git = ["git", "-C", str(other), "rev-parse", "--short", "HEAD"]
    commit = process.check(git, timeout_s=TIMEOUT_S).strip()
    print(HEAD)
    print(f"| contract | task, goal | trained until met: {commit} | now | late |\n{'|---' * 5}|")
    for name in asked.contracts:
        print(row(name, *(found[name, one] for one in checkouts)))
    late = late_of([one for (_, where), all_ in found.items() if where == ROOT for one in all_])
    print(f"\nOf the time of all these searches of today's code {late:.1%} was late.")


if __name__ == "__main__":
    main()
