"""What a large data set takes: 2,000,000 rows, of which every 500 in a row are an example.

    .venv/bin/python -m benchmarks.large_data [--rows N] > benchmarks/large_data.md

Makes the data, a CSV file, and runs the pipeline's stages that compute with all of it, one command
after the other: what is there already is not made again, so peak memory is that of the stage.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks._command_line import parser
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.graph import process
from mlforge_tasks.yaml_file.units import format_bytes

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "large_data"
TREE = FOLDER / "tree"
CONTRACT = FOLDER / "large.yaml"
DOIT = Path(sys.executable).parent / "doit"
TIMEOUT_S = 6 * 3600.0
ROWS = 2_000_000
ROWS_AT_ONCE = 100_000
LENGTH = 500
COLUMNS = ("t", "ax", "ay", "az", "speed")
# What the dataset stage may take: twice the file's numbers, of 8 bytes each, and this.
BASE_BYTES = 1 << 30
STAGES = ("dataset", "train:1.0", "quantise:1.0", "evaluate:1.0")

TEXT = f"""version: 1
task: regression
dataset:
  licence: CC0-1.0
  source: {{kind: csv, path: build/large_data/large.csv}}
  inputs: {{features: [{{name: ax, unit: g}}, {{name: ay, unit: g}}, {{name: az, unit: g}}]}}
  target: {{outputs: [{{name: speed, unit: 1/s}}]}}
  time: {{column: t, interval: 1 ms, tolerance: 100 us}}
  window: {{length: {LENGTH}, stride: 1}}
  split: {{rule: chronological, validation: 0.15, test: 0.15}}
target: {{board: mps2/an386, platform: baremetal, engine: aot}}
mode: simulate
limits: {{ram: 64 KiB, flash: 256 KiB, latency: 1 s}}
goal: {{metric: mae, target: 1000}}
training: {{epochs: 1, batch_size: 1024, memory_limit: 2 GiB, time_limit: 60 min}}
search:
  agent: fixed
  architecture:
    - {{kind: conv1d, filters: 4, kernel: 9, stride: 8}}
    - {{kind: conv1d, filters: 8, kernel: 9, stride: 4}}
    - {{kind: global_average_pool}}
"""

# Runs a command and says what its processes took, in one line at the end.
MEASURE = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_maxrss << 10, used.ru_utime + used.ru_stime]))
sys.exit(code)
"""


@dataclass(frozen=True)
class Used:
    """What a command took: the memory of its largest process, and time of the processor."""

    peak_bytes: int
    cpu_s: float


def make_data(rows: int) -> None:
    """Writes a machine's vibration in three axes, and the speed that it turns with."""
    random = np.random.default_rng(1)
    with (FOLDER / "large.csv").open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        for at in range(0, rows, ROWS_AT_ONCE):
            t = np.arange(at, min(rows, at + ROWS_AT_ONCE)) / 1000
            speed = 20 + 10 * np.sin(t * 0.05)
            turns = 20 * t - 200 * np.cos(t * 0.05)  # the integral of the speed
            axes = [np.sin(2 * np.pi * turns + shift) for shift in (0, 1, 2)]
            axes = [axis + random.normal(0, 0.1, len(t)) for axis in axes]
            np.savetxt(file, np.column_stack([t, *axes, speed]), "%.3f", ",")


def used(*arguments: str) -> Used:
    """Runs doit."""
    argv = [sys.executable, "-c", MEASURE, str(DOIT), "run", *arguments]
    said = process.check(
        [*argv, f"contract={CONTRACT}", f"build={TREE}"], timeout_s=TIMEOUT_S, cwd=ROOT
    )
    return Used(*json.loads(said.strip().splitlines()[-1]))


def show(rows: int, taken: dict[str, Used]) -> None:
    """The table, and what it is held against."""
    card = DataCard.read(TREE / CONTRACT.stem / "dataset" / "data_card.json")
    examples = sum(one.examples for one in card.splits)
    numbers = rows * len(COLUMNS) * 8
    copied = examples * int(np.prod(card.input_shape)) * 4
    may = 2 * numbers + BASE_BYTES
    size = (FOLDER / "large.csv").stat().st_size
    print(
        f"Made by `.venv/bin/python -m benchmarks.large_data`: {rows:,} rows of "
        f"{len(COLUMNS)} columns in a CSV\nfile of {format_bytes(size)}, whose numbers take "
        f"{format_bytes(numbers)}; {examples:,} examples of {list(card.input_shape)}, stride "
        f"1.\nCopied, these would take {format_bytes(copied)}. Load average "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; the time is the\nprocessor's. One "
        "epoch of training, in batches of 1,024; the evaluation runs TensorFlow Lite\nMicro's "
        "interpreter over validation and test split.\n"
    )
    print("| stage | memory of its largest process | time |\n|---|---|---|")
    for name, one in taken.items():
        print(f"| `{name}` | {format_bytes(one.peak_bytes)} | {one.cpu_s:.0f} s |")
    peak = taken["dataset"].peak_bytes
    print(
        f"\nThe dataset stage may take twice the file's numbers and 1 GiB, {format_bytes(may)}: it "
        f"took {peak / may:.0%} of that."
    )
    if peak > may:
        raise SystemExit("the dataset stage takes more memory than it may")


def main() -> None:
    """Prints the table."""
    arguments = parser(__doc__)
    arguments.add_argument("--rows", type=int, default=ROWS, help=f"by default {ROWS:,}")
    rows: int = arguments.parse_args().rows
    FOLDER.mkdir(parents=True, exist_ok=True)
    CONTRACT.write_text(TEXT)
    make_data(rows)
    show(rows, {stage: used(stage) for stage in STAGES})


if __name__ == "__main__":
    main()
