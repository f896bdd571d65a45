"""What GCC's other levels of optimisation make of each kernel file, on emulated cores.

    .venv/bin/python -m benchmarks.levels > benchmarks/levels.md
    .venv/bin/python -m benchmarks.levels [--models FOLDER] [model ...] [board ...]

Prints Markdown. Images are those of `benchmarks.engine`, one kernel file at a time at another level
than the rest; outputs are compared with the oracle's. What the levels of files are chosen by
(`kernels/aot_small.h`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _command_line
from benchmarks._engine_image import Result, keras_models, measure
from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.engines.aot import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODELS = ("keyword_spotting", "autoencoder", "sequence")
BOARDS = ("mps2/an386", "mps3/an547")
LEVELS = ("Os", "O3")
SMALL = b'#include "aot_small.h"'
HEADER = ("model", "core", "file", "level", "instructions", "share", "flash")
INTRODUCTION = """\
Made by `.venv/bin/python -m benchmarks.levels > benchmarks/levels.md`: bare metal images of one
model each, GCC `-O2`, but for one kernel file at a time; instructions of one inference counted by
QEMU, and what the image takes more or less. Files that have `-Os` whatever the option are left out.
"""


def _measured(tflite: bytes, board: Board, files: Mapping[str, bytes]) -> Result:
    with tempfile.TemporaryDirectory() as work:
        return measure(tflite, board, Path(work), generated=files)


def _rows(name: str, tflite: bytes, board: Board) -> Iterator[tuple[str, ...]]:
    files = PLUGIN.generate(tflite, board.cpu).files
    before = _measured(tflite, board, files)
    for file, content in files.items():
        if not file.endswith(".c") or file == "model_aot.c" or content.startswith(SMALL):
            continue
        for level in LEVELS:
            pragma = f'#pragma GCC optimize("{level}")\n'.encode()
            after = _measured(tflite, board, {**files, file: pragma + content})
            yield (
                *(name, board.cpu, f"`{file}`", f"`-{level}`"),
                f"{after.instructions - before.instructions:+,}",
                f"{after.instructions / before.instructions:.4f}",
                f"{after.flash_bytes - before.flash_bytes:+,}",
            )


def main() -> None:
    """Prints the table."""
    parser = _command_line.parser(__doc__)
    known = (MODELS, map(load_board, BOARDS))
    options, names, boards = _command_line.networks(parser, *known)
    models = keras_models(names, options.models)
    print(INTRODUCTION)
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}", flush=True)
    for name, tflite in models.items():
        for board in boards:
            for row in _rows(name, tflite, board):
                print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
