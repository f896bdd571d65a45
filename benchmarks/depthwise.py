"""The aot engine's depthwise layers beside CMSIS-NN's, layer by layer, on emulated cores.

    .venv/bin/python -m benchmarks.depthwise > benchmarks/depthwise.md
    .venv/bin/python -m benchmarks.depthwise [--models FOLDER] [model ...] [board ...]

Prints Markdown. Needs a Zephyr workspace (docs/zephyr.md), which has CMSIS-NN: its layers are calls
of `arm_depthwise_conv_wrapper_s8` in one image, built as Zephyr builds it (`-Ofast`), with the
model's weights. Instructions are counted by QEMU, outputs compared with the reference's. A layer of
a shape that the model had before is left out.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _cmsis_nn, _command_line
from benchmarks._engine_image import keras_models, measure
from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.platforms._zephyr import workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.engines._aot.graph import Graph, Operator

MODELS = ("keyword_spotting", "visual_wake_words", "streaming_wake_word", "sequence")
BOARDS = ("mps2/an386", "mps3/an547")
HEADER = (
    *("model", "core", "layer", "input", "kernel", "stride", "MACs"),
    *("instructions", "CMSIS-NN", "of CMSIS-NN"),
)
INTRODUCTION = """\
Made by `.venv/bin/python -m benchmarks.depthwise > benchmarks/depthwise.md`: bare metal images,
instructions of one layer counted by QEMU, kernels of the engine with GCC `-O2`, CMSIS-NN's (commit
{commit}) with `-Ofast`, as Zephyr builds them. Outputs of both equal the reference's (else it
stops). A layer of a shape that the model had before is left out.
"""


def _shape(layer: Operator, graph: Graph) -> tuple[str, ...]:
    """Input, kernel, stride and multiply-accumulates."""
    height, width = _cmsis_nn.axes_of(layer, graph)
    source, output = graph.inputs_of(layer)[0], graph.output_of(layer)
    return (
        "x".join(str(each) for each in source.shape[1:]),
        f"{height.kernel}x{width.kernel}",
        f"{height.stride}x{width.stride}",
        f"{output.size * height.kernel * width.kernel:,}",
    )


def _layers(graph: Graph) -> Mapping[tuple[str, ...], Operator]:
    """The first depthwise layer of each shape."""
    found: dict[tuple[str, ...], Operator] = {}
    for operator in graph.operators:
        if operator.op == "DEPTHWISE_CONV_2D":
            found.setdefault(_shape(operator, graph), operator)
    return found


def _rows(name: str, tflite: bytes, board: Board, module: Path) -> Iterator[tuple[str, ...]]:
    graph = import_model(tflite)
    layers = _layers(graph)
    with tempfile.TemporaryDirectory() as folder:
        ours = measure(tflite, board, Path(folder), layers=True).layers
    with tempfile.TemporaryDirectory() as folder:
        theirs = _cmsis_nn.measure([*layers.values()], graph, board, Path(folder), module)
    for shape, layer in layers.items():
        own, other = ours[layer.name], theirs[layer.name]
        figures = (f"{own:,}", f"{other:,}", f"{own / other:.2f}")
        yield (name, board.cpu, f"`{layer.name}`", *shape, *figures)


def main() -> None:
    """Prints the table."""
    parser = _command_line.parser(__doc__)
    known = (MODELS, map(load_board, BOARDS))
    options, names, boards = _command_line.networks(parser, *known)
    (module,) = workspace.require().modules(("cmsis-nn",))
    print(INTRODUCTION.format(commit=workspace.head_commit(module)[:12]))
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    for name, tflite in keras_models(names, options.models).items():
        for board in boards:
            for row in _rows(name, tflite, board, module):
                print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
