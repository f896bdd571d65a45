"""How close an output may follow its input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.engines._aot.dense import bytes_behind_in_pairs
from mlforge_tasks.engines._aot.overlap import bytes_behind, chunks_of
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


class _Pairs:
    """What the portable convolution reads and writes, in its order, as addresses."""

    def __init__(self, axes: tuple[Axis, Axis], channels: int, channels_out: int) -> None:
        self.height, self.width = axes
        self.channels, self.channels_out = channels, channels_out

    def read(self, window: int) -> set[int]:
        row, column = divmod(window, self.width.output)
        pixels = (
            y * self.width.input + x
            for y in _taps(self.height, row)
            for x in _taps(self.width, column)
        )
        return {at * self.channels + c for at in pixels for c in range(self.channels)}

    def inside(self, window: int) -> bool:
        row, column = divmod(window, self.width.output)
        return len(_taps(self.height, row)) * len(_taps(self.width, column)) == (
            self.height.kernel * self.width.kernel
        )

    def spoils(self, behind: int, *, in_runs: bool) -> bool:
        """Whether a window is read after some of it was overwritten."""
        written: set[int] = set()
        waiting: dict[bool, int] = {}
        flushed = [True, False]  # windows inside first
        for window in [*range(self.height.output * self.width.output), -1, -1]:
            done = [window]
            where = window >= 0 and in_runs and self.inside(window)
            if window < 0:
                where = flushed.pop(0)
                done = [waiting.pop(where)] if where in waiting else []
            elif where not in waiting:
                waiting[where] = window
                if not where and self.read(window) & written:
                    return True  # copied now
                continue
            else:
                done = [waiting.pop(where), window]
            late = done if where else [each for each in done if each == window]
            outputs = {
                each * self.channels_out + c - behind
                for each in done
                for c in range(self.channels_out)
            }
            # One inside may be read when its partner's outputs, or its own, are written.
            spoilt = written | outputs if where else written
            if any(self.read(each) & spoilt for each in late):
                return True
            written |= outputs
        return False


@pytest.mark.parametrize("in_runs", [True, False])
@given(height=axes, width=axes, channels=st.integers(1, 3), channels_out=st.integers(1, 4))
def test_windows_that_wait_for_their_partner_are_not_overwritten(
    height: Axis, width: Axis, channels: int, channels_out: int, *, in_runs: bool
) -> None:
    """The portable convolution reads windows inside the input where they lie, two at a time."""
    pairs = _Pairs((height, width), channels, channels_out)
    behind = bytes_behind_in_pairs((height, width), channels, channels_out, in_runs=in_runs)
    assert not pairs.spoils(behind, in_runs=in_runs)


@given(
    count=st.integers(1, 200),
    channels=st.integers(1, 80),
    channels_out=st.integers(1, 99),
    forwards=st.booleans(),
)
def test_chunks_overwrite_only_what_was_read(
    count: int, channels: int, channels_out: int, *, forwards: bool
) -> None:
    """From the front with the output before the input, from the back with it behind."""
    chunks = chunks_of(count, channels, channels_out)
    if chunks is None:
        return
    start = -chunks.bytes_behind if forwards else chunks.bytes_ahead
    firsts = range(0, count, chunks.windows)
    unread = set(range(count * channels))
    for first in firsts if forwards else reversed(firsts):
        end = min(first + chunks.windows, count)
        written = range(start + first * channels_out, start + end * channels_out)
        assert unread.isdisjoint(written)
        unread -= {*range(first * channels, end * channels)}


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 9))
def test_a_pointwise_output_is_as_near_as_it_can_be(
    pixels: int, channels: int, channels_out: int
) -> None:
    """One byte nearer would spoil its input, unless it starts with it."""
    shape = (Axis(1, 1, 1, 1, 1, 0), Axis(pixels, pixels, 1, 1, 1, 0), channels, channels_out, 4)
    behind = bytes_behind(*shape)
    assert not _spoils(shape, behind)
    assert behind == 0 or _spoils(shape, behind - 1)


@pytest.mark.parametrize("channels_out", [32, 24, 40])
def test_pointwise_convolutions_of_dsp_cores_work_in_place(channels_out: int) -> None:
    """Four windows are packed before the first is written: there is room for the larger tensor."""
    graph = RandomGraph(1)
    source = graph.start((1, 5, 6, 32))
    inputs, quant, rms = graph.parameters(source, (channels_out, 1, 1, 32), 0, channels_out)
    options = schema.Conv2DOptionsT(padding=0, strideH=1, strideW=1)
    ref = graph.writer.activation((1, 5, 6, channels_out), quant, rms)
    graph.made.append(graph.output("CONV_2D", inputs, ref, options))
    generated = PLUGIN.generate(graph.finish(), "cortex-m4")
    assert generated.arena_bytes == 5 * 6 * max(channels_out, 32) + 4 * 2 * 32
