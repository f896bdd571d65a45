"""The aot engine on MLPerf Tiny's networks and a one-dimensional one, on every emulated core.

    .venv/bin/python -m benchmarks.engine [--layers] [model ...] [board ...]

Prints Markdown. Each image holds one model, the start-up code and a loop that sends the output to
the console, where it is compared with the oracle's. Instructions are those of one inference,
counted by QEMU; flash and stack are of the whole image. `--layers` prints the instructions of every
layer instead.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks import process
from mlforge_tasks.board import Board, board_names, load_board
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.engines._aot.lower import lower
from mlforge_tasks.engines._aot.memory import plan
from mlforge_tasks.engines._aot.planner import lower_bound_bytes
from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms._image import link_image
from mlforge_tasks.runners.qemu import run_to_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("keyword_spotting", "resnet_8", "autoencoder", "sequence")
HEADER = (
    "model", "core", "instructions", "per MAC", "flash", "weights", "rest", "RAM", "bound", "stack",
)  # fmt: skip
LIMIT_S = 600.0
INPUT_STEP = 7

_MAIN = """\
#include "hal.h"
#include "model_aot.h"

uint64_t marks[256];
int mark_count;

static void print_hex(uint64_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        hal_put((uint8_t)"0123456789abcdef"[(value >> shift) & 15]);
    }
    hal_put(' ');
}

static void print_used(const char *name, uint32_t used, uint32_t size)
{
    (void)name;
    (void)size;
    print_hex(used);
}

int main(void)
{
    hal_stack_paint();
    uint64_t start = hal_ticks();
    uint64_t empty = hal_ticks() - start;
    for (uint32_t i = 0; i < INPUT_BYTES; i++) {
        model_input()[i] = (int8_t)(uint8_t)(i * INPUT_STEP);
    }
    start = hal_ticks();
    model_invoke();
    print_hex(hal_ticks() - start - empty);
    hal_stacks(print_used);
    for (int i = 0; i < mark_count; i++) {
        print_hex(marks[i] - start - empty);
        start = marks[i];
    }
    hal_put('\\n');
    for (uint32_t i = 0; i < OUTPUT_BYTES; i++) {
        print_hex((uint8_t)model_output()[i]);
    }
}
"""
_MARK = "    marks[mark_count++] = hal_ticks();\n"
_MARK_HEAD = '#include "hal.h"\nextern uint64_t marks[];\nextern int mark_count;\n'


@dataclasses.dataclass(frozen=True)
class Result:
    """One model on one board.

    Attributes:
        instructions: One inference.
        layers: Name and instructions of every layer, if asked for.
        macs: Multiply-accumulates.
        flash_bytes: The image.
        weight_bytes: Constant arrays in it.
        ram_bytes: The arena.
        bound_bytes: What no plan can be below.
        stack_bytes: The most that was used.
    """

    instructions: int
    layers: Mapping[str, int]
    macs: int
    flash_bytes: int
    weight_bytes: int
    ram_bytes: int
    bound_bytes: int
    stack_bytes: int


def _instrumented(source: str) -> tuple[str, list[str]]:
    """Generated C that reads the clock after every layer, and the layers' names."""
    head, invoke, body = source.partition("_invoke(void)\n{\n")
    parts = re.split(r"^(?=    /\* )", body.rpartition("    return 0;")[0], flags=re.MULTILINE)
    layers = [part for part in parts if "(" in part.partition("*/")[2]]
    body = "".join(layer + _MARK for layer in layers)
    names = [layer.split("*")[1].split(":")[0].strip() for layer in layers]
    return f"{_MARK_HEAD}{head}{invoke}{body}    return 0;\n}}\n", names


def measure(tflite: bytes, board: Board, *, layers: bool, folder: Path) -> Result:
    """Generates, builds and runs a model.

    Raises:
        AssertionError: The outputs differ from the oracle's.
    """
    oracle = Oracle(tflite)
    generated = PLUGIN.generate(tflite, board.cpu)
    files = dict(generated.files)
    names: list[str] = []
    if layers:
        source, names = _instrumented(files["model_aot.c"].decode())
        files["model_aot.c"] = source.encode()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "main.c").write_text(_MAIN)
    shape = oracle.input_shape
    size = int(np.prod(shape))
    values = (np.arange(size) * INPUT_STEP).astype(np.uint8).view(np.int8).reshape(shape)
    expected = oracle.run(values).view(np.uint8).ravel()
    defines = {"INPUT_BYTES": size, "OUTPUT_BYTES": expected.size, "INPUT_STEP": INPUT_STEP}
    image = link_image(
        board, sorted(folder.glob("*.c")), folder, include_dirs=[folder], defines=defines
    )
    counts, outputs = run_to_end(board, image.elf, limit_s=LIMIT_S).decode().split("\n")
    if [int(each, 16) for each in outputs.split()] != expected.tolist():
        raise AssertionError("the outputs differ from the oracle's")
    if board.qemu is None:
        raise AssertionError("the board is not emulated")
    scale = 1e9 / board.systick_hz / 2**board.qemu.icount_shift
    ticks, stack, *marks = (int(each, 16) for each in counts.split())
    graph, lowered = lower(import_model(tflite), board.cpu)
    return Result(
        instructions=round(ticks * scale),
        layers={name: round(mark * scale) for name, mark in zip(names, marks, strict=True)},
        macs=sum(layer.macs for layer in generated.layers),
        flash_bytes=image.flash_bytes,
        weight_bytes=sum(layer.weight_bytes for layer in generated.layers),
        ram_bytes=generated.arena_bytes,
        bound_bytes=lower_bound_bytes(plan(graph, lowered).buffers),
        stack_bytes=stack,
    )


def rows(name: str, board: Board, result: Result) -> Iterator[tuple[str, ...]]:
    """The lines of the table for one model on one board."""
    if result.layers:
        for layer, instructions in result.layers.items():
            yield name, board.cpu, layer, f"{instructions:,}"
        return
    sizes = (result.flash_bytes, result.weight_bytes, result.flash_bytes - result.weight_bytes)
    yield (
        name,
        board.cpu,
        f"{result.instructions:,}",
        f"{result.instructions / result.macs:.3f}",
        *(f"{each:,}" for each in sizes),
        f"{result.ram_bytes:,}",
        f"{result.bound_bytes:,}",
        f"{result.stack_bytes:,}",
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="models and boards; all without")
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--models", type=Path, help="folder of .tflite files made before")
    options = parser.parse_args()
    models = [name for name in MODELS if name in options.names] or list(MODELS)
    boards = [load_board(name) for name in board_names()]
    boards = [each for each in boards if each.qemu is not None]
    boards = [each for each in boards if {each.cpu, each.name} & {*options.names}] or boards
    header = ("model", "core", "layer", "instructions") if options.layers else HEADER
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.models or Path(temporary)
        if options.models is None:
            script = ROOT / "tests" / "aot_keras_models.py"
            process.check([sys.executable, str(script), temporary], timeout_s=LIMIT_S)
        for name in models:
            tflite = (folder / f"{name}.tflite").read_bytes()
            for board in boards:
                with tempfile.TemporaryDirectory() as work:
                    result = measure(tflite, board, layers=options.layers, folder=Path(work))
                for row in rows(name, board, result):
                    print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
