"""Dilated convolutions that a converter cut into parts, in a file with an open batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.oracle import Oracle
from mlforge_tasks.stages._refusals import refusal
from mlforge_tasks.tflite_file.dilations import with_dilations
from mlforge_tasks.tflite_file.model import read
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Ref, Writer
from tests.helpers.small_models import QUANT, altered, conv

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MADE = Quant(np.float32(0.4), 7)
SAME, VALID = 0, 1


@dataclass(frozen=True)
class Cut:
    """A convolution by what is done to each axis.

    Attributes:
        sizes: Of the input, without channels; one or two.
        parts: The dilation.
        added: On both sides.
        left_out: Likewise.
        depthwise: What convolves.
        padding: What it is called once it is whole.
        step: Its stride.
        again: By how much the last zero point is off.
    """

    sizes: tuple[int, ...]
    parts: tuple[int, ...]
    added: tuple[tuple[int, int], ...]
    left_out: tuple[tuple[int, int], ...]
    depthwise: bool = False
    padding: int = SAME
    step: int = 1
    again: int = 0


CUTS = {
    "same": Cut((9, 8), (2, 2), ((2, 3), (2, 2)), ((0, 1), (0, 0))),
    "valid": Cut((9, 10), (2, 3), ((0, 1), (0, 2)), ((0, 1), (0, 2)), padding=VALID),
    "depthwise": Cut((9, 8), (3, 2), ((3, 3), (2, 2)), ((0, 0), (0, 0)), depthwise=True),
    "sequence": Cut((14,), (2,), ((0, 0),), ((0, 0),), padding=VALID),
    "depthwise_sequence": Cut((13,), (2,), ((2, 3),), ((0, 1),), depthwise=True),
}
CHANNELS, MADE_CHANNELS = 3, 4


def _kernel(cut: Cut) -> NDArray[np.int8]:
    shape = (1 if len(cut.sizes) == 1 else 3, 3)
    rng = np.random.default_rng(3)
    if cut.depthwise:
        return rng.integers(-127, 128, (1, *shape, CHANNELS)).astype(np.int8)
    return rng.integers(-127, 128, (MADE_CHANNELS, *shape, CHANNELS)).astype(np.int8)


def _convolved(
    writer: Writer, cut: Cut, source: Ref, kernel: NDArray[np.int8], padding: int
) -> Ref:
    """A convolution whose output has the shape that it has with that kernel."""
    axis = 3 if cut.depthwise else 0
    count = kernel.shape[axis]
    weights = writer.constant(kernel, [0.02] * count, [0] * count, axis)
    values = np.arange(count, dtype=np.int32) * 500 - 700
    bias = writer.constant(values, [0.02 * float(QUANT.scale)] * count, [0] * count)
    sizes = [
        size if padding == SAME else (size - taps) // cut.step + 1
        for size, taps in zip(source.shape[1:3], kernel.shape[1:3], strict=True)
    ]
    made = writer.activation((1, *sizes, count), MADE, 1.0)
    common = {"padding": padding, "strideH": cut.step, "strideW": cut.step}
    options: Any = schema.Conv2DOptionsT(**common, fusedActivationFunction=1)
    op = "CONV_2D"
    if cut.depthwise:
        op = "DEPTHWISE_CONV_2D"
        options = schema.DepthwiseConv2DOptionsT(
            **common, depthMultiplier=1, fusedActivationFunction=1
        )
    writer.operator(op, [source.index, weights, bias], [made.index], options)
    return made


def _integers(writer: Writer, *values: Any) -> list[int]:
    return [writer.constant(np.array(each, np.int32)) for each in values]


def _as_parts(cut: Cut) -> bytes:
    """What the converter makes: 1 for every batch, each tensor a buffer of its own."""
    writer = Writer()
    source = writer.activation((1, *cut.sizes, CHANNELS), QUANT, 1.0)
    axes = zip(cut.sizes, cut.added, cut.parts, strict=True)
    sizes = [(size + sum(added)) // parts for size, added, parts in axes]
    parts = writer.activation((1, *sizes, CHANNELS), QUANT, 1.0)
    block, added, left_out = _integers(writer, cut.parts, cut.added, cut.left_out)
    writer.operator("SPACE_TO_BATCH_ND", [source.index, block, added], [parts.index])
    shape = (1, 1, *sizes) if len(sizes) == 1 else (1, *sizes)
    image = replace(parts, shape=(*shape, CHANNELS))
    if len(sizes) == 1:
        image = writer.activation(image.shape, QUANT, 1.0)
        (axis,) = _integers(writer, -3)
        writer.operator("EXPAND_DIMS", [parts.index, axis], [image.index])
    made = _convolved(writer, cut, image, _kernel(cut), VALID)
    axes = zip(made.shape[-1 - len(sizes) : -1], cut.left_out, cut.parts, strict=True)
    whole = [size * parts - sum(out) for size, out, parts in axes]
    if len(sizes) == 1:
        flat = writer.activation((1, *made.shape[2:]), MADE, 1.0)
        (wanted,) = _integers(writer, [-1, *made.shape[2:]])
        writer.operator("RESHAPE", [made.index, wanted], [flat.index])
        made = flat
    last = Quant(MADE.scale, MADE.zero_point + cut.again)
    output = writer.activation((1, *whole, made.shape[-1]), last, 1.0)
    writer.operator("BATCH_TO_SPACE_ND", [made.index, block, left_out], [output.index])
    return _with_buffers(writer.finish(source.index, output.index))


def _with_buffers(content: bytes) -> bytes:
    def change(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            if not tensor.buffer:
                tensor.buffer = len(model.buffers)
                model.buffers.append(schema.BufferT())

    return altered(content, change)


def _as_zeros(cut: Cut) -> bytes:
    """The same convolution: what a dilation leaves out are weights of 0."""
    writer = Writer()
    source = writer.activation((1, *cut.sizes, CHANNELS), QUANT, 1.0)
    shape = (1, 1, *cut.sizes) if len(cut.sizes) == 1 else (1, *cut.sizes)
    image = writer.activation((*shape, CHANNELS), QUANT, 1.0)
    writer.operator("RESHAPE", [source.index], [image.index])
    small = _kernel(cut)
    parts = (1, *cut.parts)[-2:]
    taps = [(size - 1) * each + 1 for size, each in zip(small.shape[1:3], parts, strict=True)]
    kernel = np.zeros((small.shape[0], *taps, small.shape[3]), np.int8)
    kernel[:, :: parts[0], :: parts[1]] = small
    made = _convolved(writer, cut, image, kernel, cut.padding)
    return writer.finish(source.index, made.index)


@pytest.mark.parametrize("name", CUTS)
def test_a_convolution_is_whole_again(name: str) -> None:
    """The reference computes what it does with a kernel that has zeros for what is left out."""
    cut = CUTS[name]
    changed, told = with_dilations(_as_parts(cut))
    layer = "tensor_7" if len(cut.sizes) > 1 else "tensor_9"
    told_of = f"its dilated convolution (Keras layer '{layer}')"
    assert told == (f"{told_of} is one again, which was cut into parts",)
    assert not any("_ND" in each.op for each in read(changed).main.operators)
    inputs = np.random.default_rng(1).integers(-128, 128, (3, *cut.sizes, CHANNELS)).astype(np.int8)
    wanted = Oracle(_as_zeros(cut)).run(inputs)
    assert len(np.unique(wanted)) > 20
    assert (Oracle(changed).run(inputs).reshape(wanted.shape) == wanted).all()
    assert with_dilations(changed) == (changed, ())
    assert refusal(changed) == ""


def test_the_engine_computes_what_the_reference_does(tmp_path: Path) -> None:
    """All of them in one program."""
    whole = {name: with_dilations(_as_parts(cut))[0] for name, cut in CUTS.items()}
    cases = [make_case(name, content) for name, content in whole.items()]
    assert differing_bytes(cases, tmp_path) == {}


@pytest.mark.parametrize(
    "cut",
    [
        Cut((9, 8), (2, 2), ((2, 3), (0, 0)), ((0, 1), (0, 0))),
        Cut((9, 8), (2, 2), ((1, 2), (2, 2)), ((0, 0), (0, 0))),
        Cut((9, 9), (2, 2), ((2, 3), (2, 3)), ((0, 1), (0, 1)), step=2),
        Cut((14,), (2,), ((0, 0),), ((0, 0),), again=1),
    ],
    ids=["two_kinds_of_padding", "another_border", "with_a_stride", "another_scale"],
)
def test_what_is_no_dilated_convolution_stays(cut: Cut) -> None:
    """The file as it is, which is then refused for its batch."""
    content = _as_parts(cut)
    assert with_dilations(content) == (content, ())
    assert "SPACE_TO_BATCH_ND with a batch that is not in the file" in refusal(content)


def test_parts_that_something_else_reads_stay_parts() -> None:
    """So does a file without any."""

    def read_twice(model: Any) -> None:
        graph = model.subgraphs[0]
        graph.outputs = [*graph.outputs, graph.operators[0].outputs[0]]

    for content in (altered(_as_parts(CUTS["same"]), read_twice), conv()):
        assert with_dilations(content) == (content, ())
