"""Lowers CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED to the portable kernels."""

from __future__ import annotations

import functools
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import depthwise
from mlforge_tasks.engines._aot.overlap import bytes_behind
from mlforge_tasks.engines._aot.program import (
    Behind,
    Call,
    Constant,
    Data,
    Parameters,
    Scratch,
    Step,
)
from mlforge_tasks.engines._aot.weighted import (
    fused_clamp,
    geometry,
    parts,
    requant,
)
from mlforge_tasks.engines._aot.window import Axis, window_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Value
    from mlforge_tasks.engines._aot.weighted import Requant

CHANNEL_BLOCK = 4
_PAIR = 2
# Windows of shorter runs are copied together first: the kernel walks 16 taps at a time.
_SHORT_RUN = 8


def _blocked_weights(operator: Operator, taps: NDArray[np.int64]) -> Constant:
    """Weights in the order in which aot_dot_s8 reads them."""
    whole = len(taps) - len(taps) % CHANNEL_BLOCK
    blocks = taps[:whole].reshape(-1, CHANNEL_BLOCK, taps.shape[1]).transpose(0, 2, 1)
    packed = np.concatenate([blocks.ravel(), taps[whole:].ravel()]).astype(np.int8)
    return Constant(f"{operator.name}_weights", "int8_t", packed, "[channel / 4][tap][4]")


def _dot(operator: Operator, graph: Graph, channels: int, records: Requant) -> dict[str, Value]:
    return {
        "weights": f"{operator.name}_weights",
        **records.dot_members,
        "channels": channels,
        "zero_point": graph.output_of(operator).zero_point,
    }


def runs_of(height: Axis, width: Axis, channels: int) -> tuple[int, int, int]:
    """How the taps of a window inside the input lie: runs, taps of one, and from one to the next.

    There are no runs where windows are copied first.
    """
    row = width.input * channels
    if width.dilation == 1 or width.kernel == 1:
        runs, run, step = height.kernel, width.kernel * channels, height.dilation * row
        if runs == 1 or run == step:
            runs, run, step = 1, runs * run, runs * run
    elif height.kernel == 1:
        runs, run, step = width.kernel, channels, width.dilation * channels
    else:
        runs, run, step = 0, 0, 0
    if runs > 1 and run < _SHORT_RUN:
        runs = 0
    return runs, run, step


def in_runs(height: Axis, width: Axis, channels: int) -> bool:
    """Whether windows inside the input are read there."""
    return runs_of(height, width, channels)[0] != 0


def bytes_behind_in_pairs(
    axes: tuple[Axis, Axis], channels: int, channels_out: int, *, in_runs: bool
) -> int:
    """See `overlap.bytes_behind`: windows run in pairs, and those inside the input are read there.

    Such a one may wait for its partner while those at the border are written, for the rest of its
    row or of the rows; copied ones have been read when they wait.

    Args:
        axes: Height and width.
        channels: Of the input.
        channels_out: Of the output.
        in_runs: Whether windows inside the input are not copied.
    """
    height, width = axes
    windows, late = _PAIR, _PAIR if in_runs else 0
    if in_runs and not (height.inside and width.inside):
        inside = (height.input + height.before - height.span) // height.stride + 1
        windows, late = 1, (height.output - inside + 1) * width.output + _PAIR
    return bytes_behind(height, width, channels, channels_out, windows, late=late)


@functools.lru_cache(maxsize=4096)
def room_of(axes: tuple[Axis, Axis], channels: int, channels_out: int) -> tuple[int, int]:
    """Bytes of scratch memory that a convolution takes, and how far its output stays behind."""
    height, width = axes
    runs = in_runs(height, width, channels)
    gathers = not (height.inside and width.inside and runs)
    scratch_bytes = 2 * height.kernel * width.kernel * channels if gathers else 0
    return scratch_bytes, bytes_behind_in_pairs(axes, channels, channels_out, in_runs=runs)


def _convolution(
    operator: Operator, graph: Graph, taps: NDArray[np.int64], axes: tuple[Axis, Axis]
) -> Step:
    """A step of the convolution kernel; `taps` is [output channel, tap]."""
    source, _, bias = parts(operator, graph)
    height, width = axes
    runs, run, step = runs_of(height, width, source.shape[-1])
    records = requant(operator, graph, taps, bias)
    scratch_bytes, behind = room_of(axes, source.shape[-1], len(taps))
    members: dict[str, Value] = {
        "dot": _dot(operator, graph, len(taps), records),
        "inside": {"runs": runs, "run": run, "step": step},
        **geometry(source, height, width),
    }
    scratch: Scratch | str = Scratch() if scratch_bytes else "NULL"
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output), scratch)
    return Step(
        calls=(
            Call("aot_conv_s8.h", "aot_conv_s8", arguments),
            *fused_clamp(operator, graph.output_of(operator)),
        ),
        constants=(
            _blocked_weights(operator, taps),
            *records.constants,
        ),
        parameters=Parameters(operator.name, "aot_conv_t", members),
        scratch_bytes=scratch_bytes,
        behind=Behind(operator.inputs[0], behind),
        macs=height.output * width.output * taps.size,
    )


def conv_2d(operator: Operator, graph: Graph) -> Step:
    """CONV_2D; weights come as [output channel, height, width, input channel]."""
    source, weights, _ = parts(operator, graph)
    output = graph.output_of(operator)
    axes = window_axes(operator, source, output, (weights.shape[1], weights.shape[2]))
    taps = weights.constant.reshape(weights.shape[0], -1).astype(np.int64)
    return _convolution(operator, graph, taps, axes)


def fully_connected(operator: Operator, graph: Graph) -> Step:
    """FULLY_CONNECTED; weights come as [outputs, inputs]. Several rows are a 1x1 convolution."""
    _, weights, bias = parts(operator, graph)
    output = graph.output_of(operator)
    taps = weights.constant.astype(np.int64)
    rows = output.size // len(taps)
    if rows > 1:
        one = Axis(1, 1, 1, 1, 1, 0)
        return _convolution(operator, graph, taps, (one, Axis(rows, rows, 1, 1, 1, 0)))
    records = requant(operator, graph, taps, bias, may_share=True)
    arguments = (
        f"&{operator.name}",
        taps.shape[1],
        Data(operator.inputs[0]),
        Data(operator.output),
    )
    return Step(
        calls=(
            Call("aot_fully_connected_s8.h", "aot_fully_connected_s8", arguments),
            *fused_clamp(operator, output),
        ),
        constants=(
            _blocked_weights(operator, taps),
            *records.constants,
        ),
        parameters=Parameters(
            operator.name, "aot_dot_t", _dot(operator, graph, len(taps), records)
        ),
        macs=taps.size,
    )


OPERATORS: Mapping[str, Callable[[Operator, Graph], Step]] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": partial(depthwise.depthwise_conv_2d, "portable"),
    "FULLY_CONNECTED": fully_connected,
}
