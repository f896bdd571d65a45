"""A contract for each limit on energy and heat: the first design breaks it, a later one keeps it.

    .venv/bin/python -m benchmarks.energy_limits > benchmarks/energy_limits.md

Each is run twice from nothing, in two folders, whose deliveries have to be the same bytes. The
board is made up: a Cortex-M4 that QEMU emulates, with the clock, currents and package of
nucleo_f446re and a time constant that no data sheet has.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _command_line
from mlforge_tasks.contract.board import board_file
from mlforge_tasks.graph import process
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.verdict.trials import Report
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from mlforge_tasks.verdict.trials import TrialResult

ROOT = Path(__file__).resolve().parent.parent
BOARD = "sensor_node"
LIMITS = {
    "energy_per_inference": ("energy_per_inference_uj", "700 uJ"),
    "average_power": ("average_power_uw", "50 mW"),
    "battery_life": ("battery_life_h", "9 h"),
    "junction_temperature": ("junction_temperature_c", "86.3 \u00b0C"),
}
OPERATION = "{inference_period: 20 ms, sleep: stop, battery: cr2032, ambient: 84 \u00b0C}"
EDITS = (
    ("board: mps2/an386", f"board: {BOARD}"),
    ("epochs: 40", "epochs: 12"),
    ("target: 80 %", "target: 60 %"),
)
TIMEOUT_S = 3600.0
# Says how long a stage took: the one file that differs (docs/reproducibility.md).
OWN = "provenance.json"
HEADER = ("limit", "first design", "what it takes", "kept by", "what it takes", "deliveries")


def write_board(folder: Path) -> None:
    """The made-up board, beside the contracts."""
    emulated = board_file("mps2/an386").read_text()
    real = board_file("nucleo_f446re").read_text()
    power = real[real.index("\npower:") :]
    power = power.replace("  source: STM32F446xC/E data sheet DS10693 Rev 9, Tables 16 and 117", "")
    text = emulated.replace("name: mps2/an386", f"name: {BOARD}")
    text = text.replace("zephyr: {target: mps2/an386}\n", "")
    text = text.replace("clock_hz: 25_000_000\ncycles", "clock_hz: 96_000_000\ncycles")
    lag = "  time_constant: {value: 2 s, source: made up}\n  source: that of nucleo_f446re\n"
    (folder / "boards").mkdir()
    (folder / "boards" / f"{BOARD}.yaml").write_text(text + power.rstrip() + "\n" + lag)


def write_contract(folder: Path, key: str, limit: str) -> Path:
    """`activity` on that board, with one more limit."""
    text = (ROOT / "contracts" / "activity.yaml").read_text()
    start = text.index("limits: {")
    text = text.replace(
        text[start : text.index("\n", start)],
        f"limits: {{ram: 6 KiB, flash: 24 KiB, latency: 10 ms, {key}: {limit}}}\n"
        f"operation: {OPERATION}",
    )
    for old, new in EDITS:
        text = text.replace(old, new)
    path = folder / f"{key}.yaml"
    path.write_text(text)
    return path


def run(contract: Path, build: Path) -> tuple[Report, dict[str, str]]:
    """The report of a run from nothing, and what was delivered."""
    doit = Path(sys.executable).parent / "doit"
    argv = [str(doit), "run", f"contract={contract}", f"build={build}"]
    process.check(argv, timeout_s=TIMEOUT_S, cwd=ROOT)
    folder = build / contract.stem / "delivered"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != OWN)
    found = {path.relative_to(folder).as_posix(): file_digest(path) for path in files}
    return Report.read(folder / "report.json"), found


def said(result: TrialResult, metric: str) -> str:
    """A candidate's figure, with its span."""
    found = result.measurement(metric)
    if found is None or found.interval is None:
        return "unknown"
    ends = (format_value(one, found.unit) for one in (found.interval.low, found.interval.high))
    return f"{result.trial.id}: {' to '.join(ends)}"


def row(contract: Path, key: str, metric: str, limit: str) -> tuple[str, ...]:
    """One line of the table."""
    runs = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as build:
            runs.append(run(contract, Path(build)))
    (report, first), (_, second) = runs
    best = report.best_result()
    broken = [one for one in report.results if one.trial.reason is not None]
    if not report.met or best is None or not broken or broken[0] is not report.results[0]:
        raise AssertionError(f"{key}: the first design keeps it, or none does")
    same = "the same bytes" if first == second else "differ"
    return (
        f"{key}: {limit}",
        broken[0].brief,
        said(broken[0], metric),
        best.brief,
        said(best, metric),
        same,
    )


def main() -> None:
    """Prints the table."""
    parser = _command_line.parser(__doc__)
    parser.add_argument("names", nargs="*", help="limits; all without")
    chosen = parser.parse_args().names or list(LIMITS)
    print("# Limits on energy and heat, each broken first and kept in the end")
    print("Made by `.venv/bin/python -m benchmarks.energy_limits > benchmarks/energy_limits.md`:")
    print(f"`activity` on a made-up board, `operation: {OPERATION}`.\n")
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_board(folder)
        for key in chosen:
            metric, limit = LIMITS[key]
            contract = write_contract(folder, key, limit)
            print(f"| {' | '.join(row(contract, key, metric, limit))} |", flush=True)


if __name__ == "__main__":
    main()
