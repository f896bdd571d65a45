"""Models of several inputs and outputs: where they lie, and what that takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.oracle import Oracle
from tests.helpers import graphs
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Writer

if TYPE_CHECKING:
    from pathlib import Path

SCALE = Quant(np.float32(0.05), 3)


def _two_each() -> bytes:
    """Inputs of 30 and 6 bytes; RELU of each is an output, that of the second first."""
    writer = Writer()
    inputs = [writer.activation((1, size), SCALE, 1.0) for size in (30, 6)]
    outputs = [writer.activation(each.shape, SCALE, 1.0) for each in inputs]
    for source, output in zip(inputs, outputs, strict=True):
        writer.operator("RELU", [source.index], [output.index])
    return writer.finish_several(
        [each.index for each in inputs], [each.index for each in reversed(outputs)]
    )


def test_the_oracle_takes_them_one_behind_the_other() -> None:
    """Inputs in the file's order, outputs in the file's order, each by hand."""
    oracle = Oracle(_two_each())
    assert (oracle.input_shape, oracle.output_shape) == ((1, 36), (1, 36))
    inputs = np.arange(-72, 0, dtype=np.int8).reshape(2, 36) + np.int8(40)
    clipped = np.maximum(inputs, SCALE.zero_point)
    wanted = np.concatenate([clipped[:, 30:], clipped[:, :30]], axis=1)
    assert np.array_equal(oracle.run(inputs), wanted)


def test_they_lie_one_behind_the_other_in_the_arena() -> None:
    """The application fills all inputs from `model_input` on, and reads all from `model_output`."""
    source = PLUGIN.generate(_two_each(), "cortex-m3").files["model_aot.c"].decode()
    first, second = (
        [int(n) for n in found] for found in re.findall(r"(\d+)\], &arena\[(\d+)", source)
    )
    begins = [int(n) for n in re.findall(r"return &arena\[(\d+)\]", source)]
    assert [first[0], second[0]] == [begins[0], begins[0] + 30]
    assert [second[1], first[1]] == [begins[1], begins[1] + 6]


def test_the_last_input_is_free_once_it_is_read() -> None:
    """What comes later lies where it lay, while an input in front of it is still needed."""
    writer = Writer()
    short, long = (writer.activation((1, size), SCALE, 1.0) for size in (8, 400))
    made = [writer.activation((1, 400), SCALE, 1.0) for _ in range(3)]
    steps = [("RELU", long, made[0]), ("RELU6", made[0], made[1]), ("RELU", made[1], made[2])]
    for op, source, output in steps:
        writer.operator(op, [source.index], [output.index])
    last = writer.activation((1, 8), SCALE, 1.0)
    writer.operator("RELU", [short.index], [last.index])
    model = writer.finish_several([short.index, long.index], [made[2].index, last.index])
    assert PLUGIN.generate(model, "cortex-m3").arena_bytes < 8 + 3 * 400


def test_an_output_that_no_kernel_writes_is_a_copy(tmp_path: Path) -> None:
    """One that is another in a new shape, and one that is handed out twice."""
    writer = Writer()
    source = writer.activation((1, 12), SCALE, 1.0)
    made = writer.activation((1, 12), SCALE, 1.0)
    shaped = writer.activation((1, 3, 4), SCALE, 1.0)
    writer.operator("RELU", [source.index], [made.index])
    shape = writer.constant(np.array([1, 3, 4], np.int32))
    writer.operator("RESHAPE", [made.index, shape], [shaped.index])
    model = writer.finish_several([source.index], [shaped.index, made.index, made.index])
    case = make_case("copies", model)
    assert [layer.op for layer in case.generated.layers] == ["RELU", "RESHAPE", "COPY", "COPY"]
    assert differing_bytes([case], tmp_path) == {}


def test_an_input_by_rows_is_one_alone() -> None:
    """Which of several the application should send rows of, nobody could tell."""
    with pytest.raises(CandidateFailure, match="comes by rows, with 2 inputs and 2 outputs"):
        PLUGIN.generate(_two_each(), "cortex-m4", streamed=True)


def test_a_limit_on_memory_changes_nothing() -> None:
    """A model of several is computed whole: stripes of it are none of the engine's."""
    model = graphs.several_graph(1)
    whole = PLUGIN.generate(model, "cortex-m4")
    assert PLUGIN.generate(model, "cortex-m4", arena_limit_bytes=1) == whole
