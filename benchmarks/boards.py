"""Every contract's winner on every emulated board: flash, RAM, instructions, instructions per MAC.

    .venv/bin/python -m benchmarks.boards > benchmarks/boards.md

Runs the contracts first where their result is not there yet (minutes each when cold). Each model is
generated, built and run anew for each board with the pipeline's own stages, its outputs compared
with the oracle.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import _command_line
from mlforge_tasks.contract.board import Board, board_names, load_board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.graph import process
from mlforge_tasks.stages import engine, firmware, run
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.yaml_file.units import format_value

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ("glucose", "activity", "digits")
BUILD = ROOT / "build"
CONVERGE_TIMEOUT_S = 3600.0
HEADER = ("contract", "board", "core", "flash", "RAM", "stack", "instructions", "MACs", "per MAC")


def converge(name: str) -> None:
    """Runs a contract to its end; does nothing where it is up to date."""
    doit = Path(sys.executable).parent / "doit"
    argv = [str(doit), "run", f"contract=contracts/{name}.yaml"]
    process.check(argv, timeout_s=CONVERGE_TIMEOUT_S, cwd=ROOT)


def measure(name: str, board: Board, folder: Path) -> RunReport:
    """Builds and runs a contract's delivered model for one board."""
    contract = load(ROOT / "contracts" / f"{name}.yaml", ROOT)
    delivered = BUILD / name / "delivered"
    out = {stage: folder / stage for stage in ("engine", "firmware", "run")}
    for path in out.values():
        path.mkdir()
    inputs = {"quantise": delivered, "header": delivered, "dataset": BUILD / name / "dataset"}
    config = {
        "engine": contract.target.engine,
        "platform": contract.target.platform,
        "toolchain": contract.target.toolchain,
        "mlperf": contract.target.mlperf,
        "runner": "qemu",
        "cpu": board.cpu,
        "board": board.model_dump(mode="json"),
        "target.verification_time_s": contract.target.verification_time_s,
    }
    engine.run(inputs, out["engine"], config)
    firmware.run(inputs | {"engine": out["engine"]}, out["firmware"], config)
    run.run(inputs | out, out["run"], config)
    return RunReport.read(out["run"] / "measurements.json")


def row(name: str, board: Board) -> tuple[str, ...]:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        report = measure(name, board, Path(folder))
    values = {m.metric: m.value for m in report.measurements}
    sizes = (format_value(values[m], "B") for m in ("flash_bytes", "ram_bytes", "stack_bytes"))
    instructions = int(values["instructions"])
    return (
        name,
        board.name,
        board.cpu,
        *sizes,
        f"{instructions:,}",
        f"{report.macs:,}",
        f"{instructions / report.macs:.2f}",
    )


def main() -> None:
    """Prints the table as Markdown."""
    _command_line.parser(__doc__).parse_args()
    print("Made by `.venv/bin/python -m benchmarks.boards > benchmarks/boards.md`: each contract's")
    print("winner, `aot` engine, bare metal, GCC `-O2`, instructions counted by QEMU (icount).\n")
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    for name in CONTRACTS:
        converge(name)
        for board in map(load_board, board_names()):
            if board.qemu is not None and board.uart is not None:
                print(f"| {' | '.join(row(name, board))} |", flush=True)


if __name__ == "__main__":
    main()
