"""The Zephyr contracts on three cores: each run to its end, then once more.

    .venv/bin/python -m benchmarks.zephyr_contracts [BUILD] > benchmarks/zephyr_contracts.md

Needs a Zephyr workspace (docs/zephyr.md). A contract is run for its own board as it is, for the
others as a copy in which nothing but the board is another. BUILD is the build tree, by default
`build/zephyr_contracts`; what it has already is not run again.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import _command_line
from benchmarks.boards import BUILD, CONVERGE_TIMEOUT_S, ROOT
from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.platforms._zephyr import needs
from mlforge_tasks.platforms.zephyr import CORE_MODULES, TFLM_MODULES
from mlforge_tasks.shell.console import NOTHING
from mlforge_tasks.verdict.constraints import TEST_SUFFIX
from mlforge_tasks.verdict.trials import Report
from mlforge_tasks.yaml_file.units import format_value

BOARDS = ("mps2/an385", "mps2/an386", "mps3/an547")
CONTRACTS = ("glucose_zephyr", "glucose_zephyr_tflm", "activity_zephyr", "activity_zephyr_tflm")
HEADER = (
    *("contract", "board", "engine", "iterations", "flash", "RAM", "stack", "latency"),
    *("metric", "on test data", "verdict", "second run"),
)
MET, NOT_MET = 0, 1  # exit codes
METRICS = ("flash_bytes", "ram_bytes", "stack_bytes", "latency_us")
_EXECUTED = re.compile(r"^(\d+) tasks? executed$", re.MULTILINE)

INTRODUCTION = """\
Made by `.venv/bin/python -m benchmarks.zephyr_contracts > benchmarks/zephyr_contracts.md`: each
Zephyr contract on three boards of QEMU, nothing changed but the board. Sizes are the whole image's,
RAM is static memory and the high-water marks of all stacks, latency is that of counted cycles at
most and no hardware's. `second run` is how many tasks the same command executes after that.
"""


@dataclass(frozen=True)
class Run:
    """A contract on a board, run twice.

    Attributes:
        report: What the first run found.
        engine: The engine that it names.
        executed_again: Tasks of the second run.
    """

    report: Report
    engine: str
    executed_again: int


def on_board(name: str, board: str, folder: Path) -> Path:
    """The contract for a board: itself, or a copy in `folder` that names another one."""
    path = ROOT / "contracts" / f"{name}.yaml"
    own = load(path, ROOT).target.board
    if own == board:
        return path
    copy = folder / f"{name}_{board.rpartition('/')[2]}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    copy.write_text(path.read_text().replace(f"board: {own}", f"board: {board}"))
    return copy


def execute(contract: Path, build: Path) -> int:
    """Runs a contract; how many tasks that took.

    Raises:
        ToolError: It did not come to its end.
    """
    doit = Path(sys.executable).parent / "doit"
    argv = [str(doit), "run", f"contract={contract}", f"build={build}"]
    done = process.run(argv, timeout_s=CONVERGE_TIMEOUT_S, cwd=ROOT)
    print(done.output, file=sys.stderr, flush=True)
    found = _EXECUTED.search(done.output)
    if done.returncode in {MET, NOT_MET} and NOTHING in done.output:
        return 0
    if found is None or done.returncode not in {MET, NOT_MET}:
        raise ToolError(f"`{' '.join(argv)}` failed\n{done.tail()}")
    return int(found[1])


def run(name: str, board: str, build: Path) -> Run:
    """Runs a contract on a board twice."""
    contract = on_board(name, board, build / "contracts")
    execute(contract, build)
    again = execute(contract, build)
    report = Report.read(build / contract.stem / "delivered" / "report.json")
    return Run(report, load(contract, ROOT).target.engine, again)


def row(name: str, found: Run) -> tuple[str, ...]:
    """One line of the table."""
    report = found.report
    best = report.best_result()
    wanted = (*METRICS, report.goal, report.goal + TEST_SUFFIX)
    figures = [best.measurement(metric) if best else None for metric in wanted]
    cells = ["-" if one is None else format_value(one.value, one.unit) for one in figures]
    iterations = max(int(result.trial.id.partition(".")[0]) for result in report.results)
    cells[len(METRICS)] = f"{report.goal} {cells[len(METRICS)]}"
    verdict = "PASS" if report.met else "not met"
    target = (name, report.board, found.engine, str(iterations))
    return (*target, *cells, verdict, f"{found.executed_again} tasks")


def main() -> None:
    """Prints everything as Markdown; the runs' own words go to stderr."""
    parser = _command_line.parser(__doc__)
    parser.add_argument("build", nargs="?", type=Path, default=BUILD / "zephyr_contracts")
    build: Path = parser.parse_args().build
    try:
        needs.require((*CORE_MODULES, *TFLM_MODULES))
        print(f"{INTRODUCTION}\n| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
        for name in CONTRACTS:
            for board in BOARDS:
                print(f"| {' | '.join(row(name, run(name, board, build)))} |", flush=True)
    except MlforgeError as error:
        sys.exit(f"ERROR: {error}")


if __name__ == "__main__":
    main()
