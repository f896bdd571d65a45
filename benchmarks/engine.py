"""The aot engine on MLPerf Tiny's networks and two one-dimensional ones, on every emulated core.

    .venv/bin/python -m benchmarks.engine > benchmarks/engine.md
    .venv/bin/python -m benchmarks.engine [--layers | OPTION ...] [model ...] [board ...]

Prints Markdown. Each image holds one model, the start-up code and a loop that sends the output to
the console, where it is compared with the oracle's. Instructions are those of one inference,
counted by QEMU. `--layers` prints the instructions of every layer instead. `--tflm` measures
TensorFlow Lite Micro in the same run, for which it needs a Zephyr workspace (docs/zephyr.md),
`--base FOLDER` another version of the engine, of which it is a checkout, both in cycles, too;
`--peers` what engines from a package index take.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _command_line
from benchmarks._engine_base import MEASURES, measure_with
from benchmarks._engine_image import Result, keras_models, measure
from benchmarks._engine_peers import print_peers
from benchmarks._engine_run import LIMIT_S
from benchmarks._engine_tables import (
    Entry,
    Measured,
    print_change,
    print_memory,
    print_shares,
    print_speed,
    row,
    table,
)
from benchmarks.cycles import price
from mlforge_tasks.contract.board import Board, board_names, load_board
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.zephyr import Figures

MODELS = (
    *("keyword_spotting", "resnet_8", "visual_wake_words", "dead_channels", "streaming_wake_word"),
    *("autoencoder", "activity_200", "sequence"),
)
# Where TFLM, and another version of the engine, are measured, and cycles are counted.
BESIDE_BOARDS = ("mps2/an385", "mps2/an386", "mps3/an547")
INTRODUCTION = """\
Made by `.venv/bin/python -m benchmarks.engine{options} > benchmarks/engine.md`:
bare metal images of one model each, GCC `-O2`, instructions of one inference counted by QEMU,
outputs equal to TFLM's interpreter byte for byte (else it stops).
"""
TFLM_NOTE = """\
`TFLM` is TensorFlow Lite Micro with CMSIS-NN (`-O2`, `KERNELS_OPTIMIZED_FOR_SPEED`) in a Zephyr
image of the same model; its flash is what the model adds to the image without it, weights included.
"""
MODELS_NOTE = """\
Weights are random. `dead_channels` is `visual_wake_words` with as many constant channels, layer by
layer, as MLPerf Tiny's trained network has.
"""


class Bench:
    """Measures models on boards.

    Args:
        tflm: Whether TensorFlow Lite Micro is measured, too.
        base: A checkout of another version of the engine.
    """

    def __init__(self, *, tflm: bool, base: Path | None) -> None:
        self._tflm, self._base = tflm, base

    def entry(self, name: str, tflite: bytes, board: Board) -> Entry:
        """All that a model takes on a board."""
        beside = board.name in BESIDE_BOARDS
        small = measured(tflite, board, optimisation="-Os").result
        return Entry(
            name,
            board,
            measured(tflite, board, cycles=beside and (self._tflm or self._base is not None)),
            small,
            measured(tflite, board, cycles=True, base=self._base)
            if beside and self._base
            else None,
            self._of_tflm(name, tflite, board) if beside and self._tflm else None,
        )

    def _of_tflm(self, name: str, tflite: bytes, board: Board) -> Figures:
        from benchmarks.zephyr import tflm_figures  # noqa: PLC0415 - wants a workspace

        return tflm_figures(name, tflite, board)


def measured(
    tflite: bytes,
    board: Board,
    *,
    optimisation: str = "-O2",
    cycles: bool = False,
    base: Path | None = None,
) -> Measured:
    """One image, of this version of the engine or of another."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if base is None:
            result = measure(tflite, board, work, optimisation=optimisation)
        else:
            result = measure_with(base, tflite, board, work)
        return Measured(result, price(board, work / "firmware.elf") if cycles else None)


def _layers(tflite: bytes, board: Board) -> Result:
    with tempfile.TemporaryDirectory() as work:
        return measure(tflite, board, Path(work), layers=True)


def print_layers(models: Mapping[str, bytes], boards: Sequence[Board]) -> None:
    """Prints the instructions of every layer."""
    rows = (
        row(name, board.cpu, (layer, count))
        for name, tflite in models.items()
        for board in boards
        for layer, count in _layers(tflite, board).layers.items()
    )
    table(("model", "core", "layer", "instructions"), rows)


def print_tables(models: Mapping[str, bytes], boards: Sequence[Board], bench: Bench) -> None:
    """Prints speed and memory."""
    jobs = [(name, tflite, board) for name, tflite in models.items() for board in boards]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        entries = list(pool.map(lambda job: bench.entry(*job), jobs))
    print_shares(entries)
    print_change(entries)
    print_speed(entries)
    print_memory(entries)


def introduce(words: Sequence[str], *, tflm: bool, base: Path | None, peers: bool) -> None:
    """Prints how the page is made, and of what.

    Raises:
        ToolError: There is no Zephyr workspace, or the base is no checkout.
    """
    options, notes = "", MODELS_NOTE
    if tflm:
        from benchmarks.zephyr import require_tflm  # noqa: PLC0415 - wants a workspace

        require_tflm()
        options, notes = " --tflm", notes + TFLM_NOTE
    if base is not None:
        argv = ["git", "rev-parse", "--short", "HEAD"]
        commit = process.check(argv, timeout_s=LIMIT_S, cwd=base).strip()
        options, notes = f"{options} --base FOLDER", f"{notes}`before` is the code of {commit}.\n"
    options += " --peers" * peers + "".join(f" {word}" for word in words)
    print(INTRODUCTION.format(options=options) + notes, end="")


def main() -> None:
    """Prints the tables."""
    parser = _command_line.parser(__doc__)
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--tflm", action="store_true")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="a checkout of another version")
    every = map(load_board, board_names())
    emulated = (each for each in every if each.qemu is not None and each.uart is not None)
    options, names, boards = _command_line.networks(parser, MODELS, emulated)
    base: Path | None = options.base
    if base is not None and not (base / MEASURES).is_file():
        parser.error(f"--base: {base} has no {MEASURES}, wanted a checkout of this project")
    try:
        models = keras_models(names, options.models)
        if options.layers:
            print_layers(models, boards)
            return
        introduce(options.names, tflm=options.tflm, base=base, peers=options.peers)
        print_tables(models, boards, Bench(tflm=options.tflm, base=base))
        if options.peers:
            print_peers(models)
    except MlforgeError as error:
        sys.exit(f"ERROR: {error}")


if __name__ == "__main__":
    main()
