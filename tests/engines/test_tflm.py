"""Engine `tflm`: the table that the interpreter reads has the model's operators and no others."""

from __future__ import annotations

import re
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import float32

from mlforge_tasks import plugins
from mlforge_tasks.engines._tflm.operators import OPERATORS as KNOWN
from mlforge_tasks.engines.tflm import PLUGIN, SOURCE
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.platforms._zephyr.build_folder import APP
from mlforge_tasks.tflite_file.model import read
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.graphs import (
    OPERATORS,
    RECURRENT,
    RandomGraph,
    random_graph,
    several_graph,
    single_operator,
)


def source_of(tflite: bytes) -> str:
    """The generated C."""
    return PLUGIN.generate(tflite, "cortex-m4").files[SOURCE].decode()


def registered(source: str) -> list[str]:
    """What the op resolver is given."""
    return re.findall(r"^ +&tflm_(\w+),$", source, re.MULTILINE)


def test_the_engine_is_a_plug_in() -> None:
    """A contract can name it."""
    assert plugins.load("engines", "tflm") is PLUGIN
    assert PLUGIN.name == "tflm"


# Of which Zephyr's TFLite Micro has no kernel, or half of one; or it keeps a state.
LACKING = {"BATCH_MATMUL", "REDUCE_MIN", "REVERSE_V2", *RECURRENT}


@pytest.mark.parametrize("op", sorted({*OPERATORS} - LACKING))
def test_operators_of_the_other_engine_are_known(op: str) -> None:
    """What `aot` runs, `tflm` runs, so a contract can change its engine."""
    assert op in KNOWN
    assert registered(source_of(single_operator(op, 1)))


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_resolver_has_the_graphs_operators(seed: int) -> None:
    """Each kind of operator of a graph once, sorted; the same bytes every time."""
    tflite = random_graph(seed)
    if LACKING & {each.op for each in read(tflite).main.operators}:
        with pytest.raises(CandidateFailure, match="no int8 kernel"):
            PLUGIN.generate(tflite, "cortex-m4")
        return
    model = PLUGIN.generate(tflite, "cortex-m4")
    used = sorted({layer.op for layer in model.layers})
    source = model.files[SOURCE].decode()
    assert registered(source) == used
    assert f"model_operator_count = {len(used)};" in source
    assert PLUGIN.generate(tflite, "cortex-m4") == model


def test_the_runtime_has_every_operator() -> None:
    """In one order; kernels for int8 alone leave the code for float and int16 out of the image."""
    runtime = (APP / "src" / "tflm_runtime.cc").read_text()
    given = re.findall(r"^OPERATOR\((\w+), (\w+), ", runtime, re.MULTILINE)
    assert tuple(name for name, _ in given) == KNOWN
    assert ("CONV_2D", "Register_CONV_2D_INT8") in given


def test_models_of_the_same_operators_share_their_source() -> None:
    """A swap of one for the other compiles their data alone."""
    models = [single_operator("FULLY_CONNECTED", seed) for seed in (1, 2)]
    assert models[0] != models[1]
    assert source_of(models[0]) == source_of(models[1])


def test_the_prefix_names_the_table() -> None:
    """As every engine's names can be told apart."""
    source = PLUGIN.generate(single_operator("RELU", 1), "cortex-m4", "left").files[SOURCE]
    assert b"left_operators[]" in source
    assert b"model_operators" not in source


def test_an_operator_without_kernel_fails_the_candidate() -> None:
    """Not the tool: the agent is told which operator to avoid."""
    writer = Writer()
    quant = Quant(float32(0.5), 0)
    source, output = (writer.activation((1, 4), quant, 1.0) for _ in range(2))
    writer.operator("GELU", [source.index], [output.index])
    with pytest.raises(CandidateFailure, match="GELU") as caught:
        PLUGIN.generate(writer.finish(source.index, output.index), "cortex-m4")
    assert caught.value.reason.code == "unsupported_operator"


def test_several_inputs_and_outputs_are_one_for_the_application() -> None:
    """Memory for all of them, and copies of as many bytes as each takes; else nothing is added."""
    source = source_of(several_graph(22))
    graph = read(several_graph(22)).main
    for which, ends in (("input", graph.inputs), ("output", graph.outputs)):
        sizes = [prod(graph.tensors[index].shape) for index in ends]
        assert f"{which}_bytes[] = {{{', '.join(map(str, sizes))}}};" in source
        assert f"{which}s[{sum(sizes)}]" in source
    assert "tensor_in" not in source_of(single_operator("RELU", 1))


def test_float_where_there_is_no_kernel_fails_the_candidate() -> None:
    """The interpreter on the device would find out: ADD is there for int8 alone."""
    writer = Writer()
    source = writer.activation((1, 4), Quant(float32(0.5), 0), 1.0)
    floats = [writer.float_activation((1, 4)) for _ in range(2)]
    writer.operator("DEQUANTIZE", [source.index], floats[:1])
    writer.operator("ADD", [floats[0], floats[0]], floats[1:])
    with pytest.raises(CandidateFailure, match="ADD in float32"):
        PLUGIN.generate(writer.finish(source.index, floats[1]), "cortex-m4")


def test_macs_and_bytes_are_the_graphs() -> None:
    """A dense layer multiplies every input with every output once."""
    graph = RandomGraph(3)
    graph.fully_connected(graph.start((1, 12)))
    (layer,) = PLUGIN.generate(graph.finish(), "cortex-m4").layers
    assert layer.op == "FULLY_CONNECTED"
    assert layer.macs == 12 * layer.output_bytes
    assert layer.weight_bytes >= layer.macs
