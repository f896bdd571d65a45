"""Both engines on Zephyr's cores: whole images compute what the reference does, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines import tflm
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.engines._tflm.delivery import Ends
from mlforge_tasks.engines._tflm.operators import OPERATORS
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from mlforge_tasks.engines.tflm import SOURCE
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms._zephyr import arena
from mlforge_tasks.platforms.zephyr import NO_MODEL, PLUGIN, ZephyrImage
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import Expected, instruction_counts
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from tests.helpers.graphs import RandomGraph, random_graph, several_graph, single_operator
from tests.helpers.zephyr_images import MARKS, deploy, header

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.engines import Engine

pytestmark = MARKS
CORES = {
    "mps2/an385": "cortex-m3",
    "mps2/an386": "cortex-m4",
    "mps3/an547": "cortex-m55",
}
ENGINES: dict[str, Engine] = {"aot": AOT, "tflm": TFLM}
INPUTS = 5
ARENA_BYTES = 1 << 16
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID


def assert_equals_the_oracle(tflite: bytes, name: str, engine: Engine, folder: Path) -> ZephyrImage:
    """Builds a model for a board, runs it on random inputs, holds each output byte."""
    board = load_board(name)
    assert board.cpu == CORES[name]
    report = deploy(tflite, board, engine, folder)
    oracle = Oracle(tflite)
    shape = (INPUTS, *oracle.input_shape[1:])
    inputs = np.random.default_rng(1).integers(-128, 128, shape, np.int8)
    expected = Expected(report.firmware_id, sha256_bytes(tflite))
    with QEMU.open(board, folder / "firmware.elf", expected) as session:
        outputs = b"".join(session.infer(one.tobytes()).output for one in inputs)
        used_bytes = session.self_test.arena_bytes
    assert outputs == oracle.run(inputs).tobytes()
    image = ZephyrImage.read(folder / "zephyr.json")
    reserved = image.arena_reserved_bytes
    assert (reserved is None) == (engine is AOT)
    # Planning takes some room of its own, the more the more tensors there are.
    room_bytes = 4096 + 64 * len(import_model(tflite).tensors)
    assert reserved is None or used_bytes <= reserved < used_bytes + room_bytes
    return image


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "seed"), [("mps2/an385", 1), ("mps2/an386", 2), ("mps2/an386", 3), ("mps3/an547", 3)]
)
def test_random_graphs_equal_the_oracle(name: str, seed: int, engine: str, tmp_path: Path) -> None:
    """On cores without DSP, with it, and with vectors, each with kernels of its own."""
    assert_equals_the_oracle(random_graph(seed), name, ENGINES[engine], tmp_path / "image")


def test_several_inputs_and_outputs_equal_the_oracle(tmp_path: Path) -> None:
    """Three inputs and two outputs, each in a tensor of its own for TensorFlow Lite Micro."""
    assert_equals_the_oracle(several_graph(22), "mps2/an385", TFLM, tmp_path / "image")


@pytest.mark.parametrize("name", ["mps2/an386", "mps3/an547"])
def test_convolutions_depthwise_layers_and_pools_equal_the_oracle(
    name: str, tmp_path: Path
) -> None:
    """The kernels of DSP and MVE cores build among Zephyr's own macros and options."""
    assert_equals_the_oracle(random_graph(43), name, AOT, tmp_path / "image")


def test_every_operator_of_the_engine_links() -> None:
    """The application leaves parts of TFLM's library out, but none that a resolver may name."""
    board = load_board("mps2/an386")
    source = tflm.source("model", OPERATORS, Ends((1,), (1,)))
    for name in OPERATORS:
        assert f"&tflm_{name}," in source
    folder = PLUGIN._folder(board, "tflm")
    with folder.locked():
        folder.place(
            {
                SOURCE: source.encode(),
                "model_data.h": header(random_graph(1)).encode(),
                "model_arena.h": arena.header(ARENA_BYTES),
                "build_id.h": (NO_MODEL / "build_id.h").read_bytes(),
            }
        )
        folder.make()


def test_a_swap_compiles_no_cpp(tmp_path: Path) -> None:
    """A model with other operators is another table in C; the interpreter stays as it is."""
    board = load_board("mps2/an386")
    models = [single_operator("RELU", 1), single_operator("TANH", 1)]
    objects = []
    for index, model in enumerate(models):
        deploy(model, board, tflm.PLUGIN, tmp_path / str(index))
        build = PLUGIN._folder(board, "tflm").build
        (runtime,) = build.rglob("tflm_runtime.cc.obj")
        objects.append(runtime.stat().st_mtime_ns)
    assert objects[0] == objects[1]
    images = [(tmp_path / str(index) / "firmware.bin").read_bytes() for index in range(2)]
    assert images[0] != images[1]


def strided_conv1d(padding: int) -> bytes:
    """Two one-dimensional convolutions with a stride, as the activity contract's winner has.

    Args:
        padding: Of the schema; with VALID, the windows leave some of the input's end out.
    """
    graph = RandomGraph(1)
    source = graph.start((1, 1, 101, 6))
    for kernel, stride, channels in ((9, 4, 8), (5, 3, 12)):
        shape = (channels, 1, kernel, source.shape[3])
        inputs, quant, rms = graph.parameters(source, shape, 0, channels)
        width = -(-(source.shape[2] - (kernel - 1 if padding == VALID else 0)) // stride)
        options = schema.Conv2DOptionsT(
            padding=padding, strideH=1, strideW=stride, dilationHFactor=1, dilationWFactor=1
        )
        ref = graph.writer.activation((1, 1, width, channels), quant, rms)
        source = graph.output("CONV_2D", inputs, ref, options)
        graph.made.append(source)
    return graph.finish()


@pytest.mark.parametrize("padding", [SAME, VALID])
def test_strided_conv1d_equals_the_oracle_on_mve(padding: int, tmp_path: Path) -> None:
    """CMSIS-NN's own kernel for it does not: `zephyr_app/src/cmsis_nn_strided.c` keeps it off."""
    model = strided_conv1d(padding)
    assert_equals_the_oracle(model, "mps3/an547", TFLM, tmp_path / "image")


def test_the_sums_of_dense_weights_are_made_once_on_mve(tmp_path: Path) -> None:
    """In every inference they would take half of it: more than an instruction per MAC."""
    macs = 384 * 96
    graph = RandomGraph(1)
    source = graph.start((1, 384))
    inputs, quant, rms = graph.parameters(source, (96, 384), 0, 1)
    ref = graph.writer.activation((1, 96), quant, rms)
    graph.made.append(graph.output("FULLY_CONNECTED", inputs, ref, schema.FullyConnectedOptionsT()))
    board = load_board("mps3/an547")
    model = graph.finish()
    report = deploy(model, board, TFLM, tmp_path / "image")
    expected = Expected(report.firmware_id, sha256_bytes(model))
    with QEMU.open(board, tmp_path / "image" / "firmware.elf", expected) as session:
        assert max(instruction_counts(board, session.self_test)) < 0.8 * macs
