"""The aot engine on MLPerf Tiny's networks and two one-dimensional ones, on every emulated core.

    .venv/bin/python -m benchmarks.engine > benchmarks/engine.md
    .venv/bin/python -m benchmarks.engine [--layers | --tflm] [model ...] [board ...]

Prints Markdown. Each image holds one model, the start-up code and a loop that sends the output to
the console, where it is compared with the oracle's. Instructions are those of one inference,
counted by QEMU. `--layers` prints the instructions of every layer instead. Where there is a Zephyr
workspace (docs/zephyr.md), `--tflm` measures TensorFlow Lite Micro in the same run.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _command_line
from benchmarks._engine_image import Result, keras_models, measure
from mlforge_tasks.contract.board import Board, board_names, load_board

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.zephyr import Figures

ROOT = Path(__file__).resolve().parent.parent
MODELS = (
    *("keyword_spotting", "resnet_8", "visual_wake_words", "dead_channels", "streaming_wake_word"),
    *("autoencoder", "activity_200", "sequence"),
)
SPEED = ("model", "core", "MACs", "instructions", "per MAC", "`-Os`", "`-Os` / `-O2`")
BESIDE = ("TFLM", "of TFLM", "TFLM flash", "TFLM arena")
MEMORY = (
    *("model", "core", "flash", "weights", "engine", "image without a model"),
    *("RAM", "tensors", "scratch", "stack"),
)
INTRODUCTION = """\
Made by `.venv/bin/python -m benchmarks.engine{options} > benchmarks/engine.md`: bare metal
images of one model each, GCC `-O2`, instructions of one inference counted by QEMU, outputs equal to
TFLM's interpreter byte for byte (else it stops).
"""
FLASH_NOTE = """
`flash` is the image: `weights` and biases, a byte and four bytes each; `engine`: kernels, calls,
parameters, requantisation, tables, and zeros between weights; and an image that only starts up.
`RAM` is the arena: input, output, activations and scratch. `tensors` is the most that the model's
tensors take at one time if each has memory of its own; layers that work in place need less.
`scratch` is the most that one kernel asks for.
"""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print(f"\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def _row(name: str, core: str, values: Iterable[int | str]) -> tuple[str, ...]:
    cells = (each if isinstance(each, str) else f"{each:,}" for each in values)
    return (name, core, *cells)


def _speed(result: Result, small: Result, beside: Figures | None) -> tuple[int | str, ...]:
    ours = result.instructions
    other: tuple[int | str, ...] = ("",) * len(BESIDE)
    if beside is not None:
        ratio = f"{ours / beside.instructions:.2f}"
        other = (beside.instructions, ratio, beside.flash_bytes, beside.arena_bytes)
    return (
        *(result.macs, ours, f"{ours / result.macs:.2f}"),
        *(small.instructions, f"{small.instructions / ours:.2f}"),
        *other,
    )


def _memory(result: Result) -> tuple[int, ...]:
    return (
        *(result.flash_bytes, result.weight_bytes, result.engine_bytes, result.empty_bytes),
        *(result.ram_bytes, result.bound_bytes, result.scratch_bytes, result.stack_bytes),
    )


def _measured(tflite: bytes, board: Board, *, layers: bool, optimisation: str = "-O2") -> Result:
    with tempfile.TemporaryDirectory() as work:
        return measure(tflite, board, Path(work), layers=layers, optimisation=optimisation)


def print_layers(models: Mapping[str, bytes], boards: Sequence[Board]) -> None:
    """Prints the instructions of every layer."""
    rows = (
        _row(name, board.cpu, (layer, count))
        for name, tflite in models.items()
        for board in boards
        for layer, count in _measured(tflite, board, layers=True).layers.items()
    )
    _table(("model", "core", "layer", "instructions"), rows)


def print_tables(models: Mapping[str, bytes], boards: Sequence[Board], *, tflm: bool) -> None:
    """Prints speed and memory, TFLM beside if asked for."""
    beside: Mapping[tuple[str, str], Figures] = {}
    if tflm:
        from benchmarks.zephyr import tflm_figures  # noqa: PLC0415 - wants a workspace

        beside = tflm_figures(models, [board.name for board in boards])
    speed, memory = [], []
    for name, tflite in models.items():
        for board in boards:
            result = _measured(tflite, board, layers=False)
            small = _measured(tflite, board, layers=False, optimisation="-Os")
            other = beside.get((name, board.name))
            speed.append(_row(name, board.cpu, _speed(result, small, other)))
            memory.append(_row(name, board.cpu, _memory(result)))
    print(INTRODUCTION.format(options=" --tflm" * tflm), end="")
    if tflm:
        print("`TFLM` is TensorFlow Lite Micro with CMSIS-NN in a Zephyr image of the same model;")
        print("its flash is what the model adds to the image without it, weights included.")
    _table((*SPEED, *(BESIDE if tflm else ())), [row[: 7 + 4 * tflm] for row in speed])
    print(FLASH_NOTE, end="")
    _table(MEMORY, memory)


def main() -> None:
    """Prints the tables."""
    parser = _command_line.parser(__doc__)
    parser.add_argument("names", nargs="*", help="models and boards; all without")
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--tflm", action="store_true")
    parser.add_argument("--models", type=Path, help="folder of .tflite files made before")
    options = parser.parse_args()
    names = [name for name in MODELS if name in options.names] or list(MODELS)
    boards = [load_board(name) for name in board_names()]
    boards = [each for each in boards if each.qemu is not None and each.uart is not None]
    boards = [each for each in boards if {each.cpu, each.name} & {*options.names}] or boards
    models = keras_models(names, options.models)
    if options.layers:
        print_layers(models, boards)
    else:
        print_tables(models, boards, tflm=options.tflm)


if __name__ == "__main__":
    main()
