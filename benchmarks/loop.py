"""What a cold run takes, from a contract to PASS, held against another checkout of MLForge.

    .venv/bin/python -m benchmarks.loop --before FOLDER [--rounds N] > benchmarks/loop.md
    .venv/bin/python -m benchmarks.loop --before FOLDER --same >> benchmarks/loop.md
    .venv/bin/python -m benchmarks.loop --before FOLDER --declared >> benchmarks/loop.md

FOLDER is a checkout of an older commit (`git worktree add FOLDER COMMIT`) with this checkout's
packages (`ln -s $PWD/.venv FOLDER/.venv`). Both run glucose.yaml into empty build trees, in turns,
and what was trained and converted is compared byte for byte. The second command gives both the same
network, which each search may not. The third is for a contract of many rounds, whose tasks are
listed and of which one cached task is run.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _loop_declared
from mlforge_tasks.graph import process
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.manifest import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROOT = Path(__file__).resolve().parent.parent
DOIT = Path(sys.executable).parent / "doit"
CONTRACT = "contracts/glucose.yaml"
ROUNDS = 3
TIMEOUT_S = 3600.0
# What TensorFlow makes; firmware names the code that built it, and so differs between checkouts.
COMPARED = ("weights.npz", "model.tflite", "float_outputs.npz")
# In place of a search; what it ended with at c756986.
GIVEN = """search:
  agent: fixed
  architecture:
    - {kind: conv1d, filters: 4, kernel: 5, stride: 2}
    - {kind: conv1d, filters: 8, kernel: 5}
    - {kind: flatten}
    - {kind: dropout, rate: 0.2}
"""
# Where the design of each candidate lies in a tree.
DESIGNS = "iterations/*/*/render/architecture.json"


@dataclass(frozen=True)
class Run:
    """A cold run.

    Attributes:
        wall_s: From its start to its end.
        processor_s: Of all its processes.
        stages_s: Of each stage, by its folder: how long its action took.
        made: Digests of what TensorFlow made, by the design and the file's place in its folder.
    """

    wall_s: float
    processor_s: float
    stages_s: dict[str, float]
    made: dict[tuple[str, str], str]

    @property
    def designs(self) -> frozenset[str]:
        """Digests of the networks that were proposed."""
        return frozenset(design for design, _ in self.made)

    def probes_s(self) -> float:
        """The mean of a candidate's probe: of all stages that quantise, build and run it."""
        probes = [part.split("/probe_")[0] for part in self.stages_s if "/probe_" in part]
        total = sum(value for part, value in self.stages_s.items() if "/probe_" in part)
        return total / len(set(probes))

    def stage_s(self, name: str) -> float:
        """All stages of one kind."""
        return sum(value for part, value in self.stages_s.items() if Path(part).name == name)


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cold(checkout: Path, *, given: bool = False) -> Run:
    """Runs the contract with a checkout's code into a build tree of its own.

    Args:
        checkout: Where the code is.
        given: Whether its network is given, and not searched for.

    Raises:
        RuntimeError: It does not pass.
    """
    with tempfile.TemporaryDirectory() as name:
        contract = checkout / CONTRACT
        if given:
            text = re.sub(r"(?m)^search:\n(  .*\n)+", GIVEN, contract.read_text())
            contract = Path(name) / contract.name
            contract.write_text(text)
        argv = [str(DOIT), "run", f"contract={contract}", f"build={name}/build"]
        started, used = time.monotonic(), _processor_s()
        said = process.check(argv, timeout_s=TIMEOUT_S, cwd=checkout)
        wall_s, processor_s = time.monotonic() - started, _processor_s() - used
        if not re.search("(?m)^PASS: ", said):
            raise RuntimeError(f"{checkout} does not pass\n{said}")
        tree = Path(name) / "build" / Path(CONTRACT).stem
        found = {
            str(path.parent.relative_to(tree)): Provenance.read(path).seconds
            for path in tree.rglob("provenance.json")
        }
        made = {
            (file_digest(design), str(path.relative_to(design.parents[1]))): file_digest(path)
            for design in tree.glob(DESIGNS)
            for path in sorted(design.parents[1].rglob("*"))
            if path.name in COMPARED
        }
    return Run(wall_s, processor_s, found, made)


ROWS: dict[str, Callable[[Run], float]] = {
    "cold `doit run contract=contracts/glucose.yaml` to PASS": lambda run: run.wall_s,
    "the same, seconds of the processor": lambda run: run.processor_s,
    "one probe (quantise, header, engine, firmware, run)": Run.probes_s,
    "of that `probe_quantise`, of all candidates": lambda run: run.stage_s("probe_quantise"),
    "`train`, of all candidates": lambda run: run.stage_s("train"),
    "`quantise`, of all candidates": lambda run: run.stage_s("quantise"),
    "`propose`, of all rounds": lambda run: run.stage_s("propose"),
    "`evaluate`, of all candidates": lambda run: run.stage_s("evaluate"),
    "`run` and `probe_run`, of all candidates": lambda run: (
        run.stage_s("run") + run.stage_s("probe_run")
    ),
}


def _row(name: str, unit: str, pairs: Iterable[tuple[float, float]]) -> str:
    """A row: medians before and now, and the ratios of the rounds."""
    pairs = list(pairs)
    ratios = sorted(new / old for old, new in pairs)
    old, new = (statistics.median(one) for one in zip(*pairs, strict=True))
    told = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return f"| {name} | {old:.1f} {unit} | {new:.1f} {unit} | {told} |"


def show_declared(
    before: Sequence[_loop_declared.Declared], after: Sequence[_loop_declared.Declared], commit: str
) -> None:
    """The table for what is declared."""
    most = f"{_loop_declared.ROUNDS} rounds of {_loop_declared.CANDIDATES} candidates"
    print(
        "\n## What is declared and not visited\n\nMade by `.venv/bin/python -m benchmarks.loop "
        f"--before FOLDER --rounds {len(after)} --declared`:\n{Path(CONTRACT).name} with {most}, "
        f"{len(after)} of each checkout, in turns.\n"
    )
    print(f"| what | commit {commit} | now | ratio |\n|---|---|---|---|")
    for name, (unit, of) in _loop_declared.ROWS.items():
        pairs = zip(before, after, strict=True)
        print(_row(name, unit, [(of(old), of(new)) for old, new in pairs]))


def show(before: Sequence[Run], after: Sequence[Run], commit: str, *, given: bool) -> None:
    """The table of medians, and of the ratios of each round."""
    common = before[0].designs & after[0].designs
    told = [
        {place: digest for place, digest in run.made.items() if place[0] in common}
        for run in (*before, *after)
    ]
    words = "are the same bytes" if all(one == told[0] for one in told) else "DIFFER"
    heading, option = ("\n## The same network in both\n\n", " --same") if given else ("", "")
    print(
        f"{heading}Made by `.venv/bin/python -m benchmarks.loop --before FOLDER --rounds "
        f"{len(after)}{option}`: cold runs of "
        f"{Path(CONTRACT).name} into\nempty build trees, {len(after)} of each checkout, in turns "
        f"({os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}). Ratios\nare those of "
        "the rounds: median, least and most.\n"
    )
    print(f"| what | commit {commit} | now | ratio |\n|---|---|---|---|")
    for name, of in ROWS.items():
        pairs = zip(before, after, strict=True)
        print(_row(name, "s", [(of(old), of(new)) for old, new in pairs]))
    print(
        f"\nNetworks that are proposed now: {len(after[0].designs)}, before too: {len(common)}. "
        f"The weights, models and float\noutputs of these {words} in all runs "
        f"({len(told[0])} files)."
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before", type=Path, required=True, help="a checkout to hold it against")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="runs of each")
    parser.add_argument("--same", action="store_true", help="a network that both are given")
    parser.add_argument("--declared", action="store_true", help="many rounds that nobody visits")
    asked = parser.parse_args()
    other: Path = asked.before.resolve()
    git = ["git", "-C", str(other), "rev-parse", "--short", "HEAD"]
    commit = process.check(git, timeout_s=TIMEOUT_S).strip()
    if asked.declared:
        both = [
            tuple(_loop_declared.measured(DOIT, one, ROOT / CONTRACT) for one in (other, ROOT))
            for _ in range(asked.rounds)
        ]
        show_declared([old for old, _ in both], [new for _, new in both], commit)
        return
    same = asked.same
    runs = [(cold(other, given=same), cold(ROOT, given=same)) for _ in range(asked.rounds)]
    show([old for old, _ in runs], [new for _, new in runs], commit, given=same)


if __name__ == "__main__":
    main()
