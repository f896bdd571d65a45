"""How close an output may follow its input."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.engines._aot.overlap import bytes_behind
from mlforge_tasks.engines._aot.window import Axis

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines.aot import PLUGIN
from tests.helpers.graphs import RandomGraph


def _axis(size: int, kernel: int, stride: int, dilation: int, before: int) -> Axis:
    fitting = (size + before - (kernel - 1) * dilation - 1) // stride + 1
    return Axis(size, max(fitting, 1), kernel, stride, dilation, before)


axes = st.builds(
    _axis,
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(0, 3),
)


def _taps(axis: Axis, output: int) -> set[int]:
    places = (
        output * axis.stride - axis.before + tap * axis.dilation for tap in range(axis.kernel)
    )
    return {place for place in places if 0 <= place < axis.input}


def _spoils(shape: tuple[Axis, Axis, int, int, int], behind: int) -> bool:
    """Whether a kernel that does as it is told overwrites what it has yet to read."""
    height, width, channels, channels_out, windows = shape
    count, written, at = height.output * width.output, set[int](), 0
    while at < count:
        group = windows if count - at >= windows else 1
        for window in range(at, at + group):
            row, column = divmod(window, width.output)
            for y in _taps(height, row):
                for x in _taps(width, column):
                    first = (y * width.input + x) * channels
                    if written & {*range(first, first + channels)}:
                        return True
        start, at = at * channels_out - behind, at + group
        written |= {*range(start, at * channels_out - behind)}
    return False


@given(axes, axes, st.integers(1, 3), st.integers(1, 4), st.sampled_from([1, 2, 4]))
def test_nothing_is_overwritten_before_it_is_read(
    height: Axis, width: Axis, channels: int, channels_out: int, windows: int
) -> None:
    """Of windows of any kind, as many at a time as kernels have."""
    shape = (height, width, channels, channels_out, windows)
    assert not _spoils(shape, bytes_behind(*shape))


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 9))
def test_a_pointwise_output_is_as_near_as_it_can_be(
    pixels: int, channels: int, channels_out: int
) -> None:
    """One byte nearer would spoil its input, unless it starts with it."""
    shape = (Axis(1, 1, 1, 1, 1, 0), Axis(pixels, pixels, 1, 1, 1, 0), channels, channels_out, 4)
    behind = bytes_behind(*shape)
    assert not _spoils(shape, behind)
    assert behind == 0 or _spoils(shape, behind - 1)


@pytest.mark.parametrize(("channels_out", "in_place"), [(32, True), (24, True), (40, False)])
def test_pointwise_convolutions_of_dsp_cores_work_in_place(
    channels_out: int, *, in_place: bool
) -> None:
    """Four windows are packed before the first is written: no second tensor is there."""
    graph = RandomGraph(1)
    source = graph.start((1, 5, 6, 32))
    inputs, quant, rms = graph.parameters(source, (channels_out, 1, 1, 32), 0, channels_out)
    options = schema.Conv2DOptionsT(padding=0, strideH=1, strideW=1)
    ref = graph.writer.activation((1, 5, 6, channels_out), quant, rms)
    graph.made.append(graph.output("CONV_2D", inputs, ref, options))
    generated = PLUGIN.generate(graph.finish(), "cortex-m4")
    packed, output = 4 * 2 * 32, 0 if in_place else math.prod(ref.shape)
    assert generated.arena_bytes == 5 * 6 * 32 + packed + output
