"""What a run costs where there is nothing to do: glucose.yaml a second time, held against peers.

    .venv/bin/python -m benchmarks.null_build [--before FOLDER] > benchmarks/null_build.md

Runs the contract first where its result is not there yet. The peers run in turns with it: a plain
dodo.py with as many tasks, all of them up to date, and Python's own start. So do a second
`./bootstrap`, and the same contract in another checkout of MLForge, such as one of an older commit
(`git worktree add FOLDER COMMIT`), with this checkout's packages.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.contract import loader
from mlforge_tasks.graph import process
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.shell.tasks import declare

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = "contracts/glucose.yaml"
BUILD = ROOT / "build"
DOIT = Path(sys.executable).parent / "doit"
RUN = (str(DOIT), "run", f"contract={CONTRACT}")
NOTHING_TO_DO = r"(?m)nothing was to do|^0 tasks exec"  # as earlier commits say it
TIMEOUT_S = 3600.0
ORACLE_LOCK = "requirements-oracle.lock"
ROUNDS = 9
# What a peer's dodo.py looks like: each task has a file to depend on and one that it makes.
PEER = """
from pathlib import Path

DOIT_CONFIG = {{"backend": "json", "default_tasks": ["all"], "dep_file": "state.json"}}


def make(name):
    Path(name).write_text("made")


def task_step():
    for i in range({declared}):
        yield {{
            "name": str(i),
            "actions": [(make, [f"out{{i}}"])],
            "file_dep": ["dodo.py"],
            "targets": [f"out{{i}}"],
        }}


def task_all():
    return {{"actions": None, "task_dep": [f"step:{{i}}" for i in range({visited})]}}
"""


@dataclass(frozen=True)
class Command:
    """Something to be timed.

    Attributes:
        name: What the table calls it.
        argv: The command.
        folder: Where it runs.
        says: What its output must hold, so that nothing else is timed.
    """

    name: str
    argv: tuple[str, ...]
    folder: Path
    says: str = ""

    def seconds(self) -> float:
        """Wall time of one run.

        Raises:
            RuntimeError: It did something else than it should.
        """
        started = time.monotonic()
        output = process.check(list(self.argv), timeout_s=TIMEOUT_S, cwd=self.folder)
        taken = time.monotonic() - started
        if not re.search(self.says, output):
            raise RuntimeError(f"{self.name}: wanted {self.says!r} in\n{output}")
        return taken


def task_counts() -> tuple[int, int]:
    """How many tasks the contract's graph declares, and how many of them a run has visited."""
    contract = loader.load(ROOT / CONTRACT, ROOT)
    name = Path(CONTRACT).stem
    plan = make_plan(contract, name, root=ROOT, build=BUILD)
    declared = sum(task.get("name", "") is not None for task in declare(plan, len(plan.iterations)))
    return declared, len(json.loads((BUILD / name / ".doit.json").read_bytes()))


def stamped_arguments() -> list[str] | None:
    """With what ./bootstrap last set this .venv up; None where that was something else."""
    stamp = ROOT / ".venv" / ".bootstrap"
    if not stamp.exists():
        return None
    for kind in ("-dev", "-data", ""):
        lock, arguments = f"requirements{kind}.lock", [f"-{kind}"] if kind else []
        made_of = b"".join((ROOT / name).read_bytes() for name in (lock, ORACLE_LOCK, "bootstrap"))
        if stamp.read_text().split()[0] == hashlib.sha256(made_of).hexdigest():
            return arguments
    return None


def bootstrapped() -> tuple[Command, ...]:
    """The set-up that made this `.venv`, again; none where another did."""
    arguments = stamped_arguments()
    if arguments is None:
        return ()
    argv = ("./bootstrap", *arguments)
    return (Command(f"`{' '.join(argv)}`", argv, ROOT, "up to date"),)


def earlier(folder: Path) -> Command:
    """The same run in another checkout."""
    git = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
    commit = process.check(git, timeout_s=TIMEOUT_S).strip()
    return Command(f"the same at commit {commit}", RUN, folder, NOTHING_TO_DO)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before", type=Path, help="another checkout, to be held against")
    before: Path | None = parser.parse_args().before
    others = () if before is None else (earlier(before.resolve()),)
    for folder in (ROOT, *(command.folder for command in others)):
        process.check(list(RUN), timeout_s=TIMEOUT_S, cwd=folder)
    declared, visited = task_counts()
    with tempfile.TemporaryDirectory() as name:
        peer = Path(name)
        (peer / "dodo.py").write_text(PEER.format(declared=declared, visited=visited))
        process.check([str(DOIT)], timeout_s=TIMEOUT_S, cwd=peer)
        commands = (
            Command("`doit run contract=contracts/glucose.yaml`", RUN, ROOT, NOTHING_TO_DO),
            Command("a plain `dodo.py`", (str(DOIT),), peer, r"-- step:0"),
            *others,
            Command("`python -c 'import doit'`", (sys.executable, "-c", "import doit"), peer),
            Command("`python -c pass`", (sys.executable, "-c", "pass"), peer),
            *bootstrapped(),
        )
        taken: dict[str, list[float]] = {command.name: [] for command in commands}
        for _ in range(ROUNDS):
            for command in commands:
                taken[command.name].append(command.seconds())
    show(taken, declared, visited, [command.name for command in others])


def ratio(taken: dict[str, list[float]], other: str) -> str:
    """How long the first command takes for one of another: the median of the rounds, and its ends.

    Round by round, since a machine's speed drifts.
    """
    ours = next(iter(taken.values()))
    ratios = sorted(mine / its for mine, its in zip(ours, taken[other], strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def show(taken: dict[str, list[float]], declared: int, visited: int, others: Sequence[str]) -> None:
    """The table of medians, and how they relate."""
    medians = {name: statistics.median(values) for name, values in taken.items()}
    ours, peer, *_ = medians.values()
    arguments = " ".join(["-m benchmarks.null_build", *(["--before FOLDER"] if others else [])])
    print(
        f"Made by `.venv/bin/python {arguments}`: wall time of commands\n"
        f"that have nothing to do, {ROUNDS} runs of each, in turns "
        f"({os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}). The graph\nof "
        f"glucose.yaml declares {declared} tasks, of which a run visits {visited}; the plain "
        "`dodo.py` has\nthe same numbers of tasks, each with a file it depends on and a target.\n"
    )
    print("| command | median | fastest | slowest |\n|---|---|---|---|")
    for name, values in taken.items():
        cells = (f"{value:.2f} s" for value in (medians[name], min(values), max(values)))
        print(f"| {name} | {' | '.join(cells)} |")
    print(
        f"\nA second run of glucose.yaml takes {ours / peer:.1f} times as long as the plain dodo."
    )
    for name in others:
        print(f"It takes {ratio(taken, name)} of what it took {name.removeprefix('the same ')}.")


if __name__ == "__main__":
    main()
