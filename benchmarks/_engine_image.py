"""One model in one image: instructions, flash by what it is for, memory against its bound."""

from __future__ import annotations

import functools
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._engine_run import LIMIT_S, PRINT_HEX, defines, instructions, told
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.rewrite import rewrite
from mlforge_tasks.engines._aot.trimmed import trimmed
from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.graph import process
from mlforge_tasks.platforms._image import Image, link_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.engines._aot.graph import Graph

ROOT = Path(__file__).resolve().parent.parent
_ARENA = re.compile(rb"#define ARENA_BYTES (\d+)")
_BIASED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_SAME_BYTES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")

_MAIN = """\
#include "model_aot.h"

uint64_t marks[256];
int mark_count;

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


_EMPTY_MAIN = """\
#include "hal.h"

static void put_used(const char *name, uint32_t used, uint32_t size)
{
    (void)name;
    (void)size;
    hal_put((uint8_t)used);
}

int main(void)
{
    hal_stack_paint();
    hal_put((uint8_t)hal_ticks());
    hal_stacks(put_used);
}
"""


@dataclass(frozen=True)
class Result:
    """One model on one board.

    Attributes:
        instructions: One inference.
        layers: Name and instructions of every layer, if asked for.
        macs: Multiply-accumulates.
        flash_bytes: The image.
        weight_bytes: Weights and biases, a byte and four bytes each.
        empty_bytes: The image without a model.
        ram_bytes: The arena.
        bound_bytes: The most that the model's tensors take at one time, each in memory of its own.
        scratch_bytes: The most that a kernel asks for besides.
        stack_bytes: The most that was used.
    """

    instructions: int
    layers: Mapping[str, int]
    macs: int
    flash_bytes: int
    weight_bytes: int
    empty_bytes: int
    ram_bytes: int
    bound_bytes: int
    scratch_bytes: int
    stack_bytes: int

    @property
    def engine_bytes(self) -> int:
        """Flash for kernels, calls, parameters, requantisation, tables and padding of weights."""
        return self.flash_bytes - self.weight_bytes - self.empty_bytes


def _instrumented(source: str) -> tuple[str, list[str]]:
    """Generated C that reads the clock after every layer, and the layers' names."""
    head, invoke, body = source.partition("_invoke(void)\n{\n")
    parts = re.split(r"^(?=    /\* )", body.rpartition("    return 0;")[0], flags=re.MULTILINE)
    layers = [part for part in parts if "(" in part.partition("*/")[2]]
    body = "".join(layer + _MARK for layer in layers)
    names = [layer.split("*")[1].split(":")[0].strip() for layer in layers]
    return f"{_MARK_HEAD}{head}{invoke}{body}    return 0;\n}}\n", names


def tensor_bound(graph: Graph) -> int:
    """The liveness bound from the model alone: it knows nothing of the engine."""
    owner: dict[int, int] = {}
    first, last = {graph.input: -1}, {graph.input: -1, graph.output: len(graph.operators)}
    for index, operator in enumerate(graph.operators):
        for tensor in operator.inputs:
            last[owner.get(tensor, tensor)] = index
        if operator.op in _SAME_BYTES:
            owner[operator.output] = owner.get(operator.inputs[0], operator.inputs[0])
        else:
            first[operator.output] = index
    output = owner.get(graph.output, graph.output)
    last[output] = len(graph.operators)
    return max(
        sum(graph.tensors[t].size for t, start in first.items() if start <= now <= last[t])
        for now in range(-1, len(graph.operators) + 1)
    )


def weight_bytes(graph: Graph) -> int:
    """Weights and constant operands, a byte each; biases, four bytes for every output channel.

    The converter leaves out biases that are all 0, as they are where weights are random.
    """
    read = {index for each in graph.operators for index in each.inputs if index >= 0}
    tensors = (graph.tensors[index] for index in read)
    constant = (each for each in tensors if each.data is not None and each.dtype == "int8")
    weighted = (each for each in graph.operators if each.op in _BIASED)
    biases = sum(4 * graph.output_of(each).shape[-1] for each in weighted)
    return sum(each.size for each in constant) + biases


@functools.cache
def empty_bytes(board: Board, optimisation: str) -> int:
    """Flash of an image that only starts and says a byte."""
    with tempfile.TemporaryDirectory() as folder:
        main = Path(folder) / "main.c"
        main.write_text(_EMPTY_MAIN)
        return link_image(board, [main], Path(folder), optimisation=optimisation).flash_bytes


def _link(
    tflite: bytes,
    board: Board,
    folder: Path,
    generated: Mapping[str, bytes],
    optimisation: str,
    *,
    layers: bool,
) -> tuple[Image, list[str]]:
    files = dict(generated)
    names: list[str] = []
    if layers:
        source, names = _instrumented(files["model_aot.c"].decode())
        files["model_aot.c"] = source.encode()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "main.c").write_text(PRINT_HEX + _MAIN)
    sources = sorted(folder.glob("*.c"))
    image = link_image(
        board,
        sources,
        folder,
        include_dirs=[folder],
        defines=defines(tflite),
        optimisation=optimisation,
    )
    return image, names


def measure(
    tflite: bytes,
    board: Board,
    folder: Path,
    *,
    layers: bool = False,
    optimisation: str = "-O2",
    generated: Mapping[str, bytes] | None = None,
) -> Result:
    """Generates, builds and runs a model.

    Args:
        tflite: The model.
        board: Where it runs.
        folder: An empty folder.
        layers: Whether to count the instructions of every layer.
        optimisation: GCC's option.
        generated: C files of another version of the engine.

    Raises:
        AssertionError: The outputs differ from the oracle's.
    """
    files = generated or PLUGIN.generate(tflite, board.cpu).files
    image, names = _link(tflite, board, folder, files, optimisation, layers=layers)
    ticks, stack, *marks = told(tflite, board, image.elf)
    graph = import_model(tflite)
    found = trimmed(rewrite(graph), board.cpu)
    steps = [form for form in found.lowered if isinstance(form, Step)]
    return Result(
        instructions=instructions(board, ticks),
        layers={name: instructions(board, mark) for name, mark in zip(names, marks, strict=True)},
        macs=sum(step.macs for step in steps),
        flash_bytes=image.flash_bytes,
        weight_bytes=weight_bytes(found.graph),
        empty_bytes=empty_bytes(board, optimisation),
        ram_bytes=int(_ARENA.findall(files["model_aot.c"])[0]),
        bound_bytes=tensor_bound(graph),
        scratch_bytes=max(step.scratch_bytes for step in steps),
        stack_bytes=stack,
    )


def keras_models(names: Iterable[str], given: Path | None = None) -> dict[str, bytes]:
    """Networks of tests/helpers/aot_keras_models.py as int8 models, by name.

    Args:
        names: Which of them.
        given: A folder where they are already; without, they are converted, one TensorFlow start.
    """
    with tempfile.TemporaryDirectory() as temporary:
        if given is None:
            script = ROOT / "tests" / "helpers" / "aot_keras_models.py"
            process.check([sys.executable, str(script), temporary], timeout_s=LIMIT_S)
        folder = given or Path(temporary)
        return {name: (folder / f"{name}.tflite").read_bytes() for name in names}
