"""What the operators of an outline become: the steps of a lowered model, without calls."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import (
    conv_rows,
    dense,
    depthwise,
    depthwise_lanes,
    depthwise_mve,
    packed,
    rows,
)
from mlforge_tasks.engines._aot.graph import Graph, Operator
from mlforge_tasks.engines._aot.overlap import bytes_behind, chunks_of
from mlforge_tasks.engines._aot.packing import DSP, MVE, PackedWindow
from mlforge_tasks.engines._aot.program import Alias, Behind, Constant, Lowering, Step
from mlforge_tasks.engines._aot.window import Axis, window_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.packing import Packing
    from mlforge_tasks.engines._aot.program import Lowered


def _axes(operator: Operator, graph: Graph) -> tuple[Axis, Axis, int, int]:
    """Height and width of windows, channels of the input and of the output."""
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    height, width = window_axes(operator, source, output, operator.options.kernel)
    return height, width, source.shape[-1], output.shape[-1]


def _step(
    operator: Operator,
    scratch_bytes: int = 0,
    *,
    behind: int | None = None,
    overwrites: bool = False,
    macs: int = 0,
    weights: tuple[Constant, ...] = (),
) -> Step:
    source = operator.inputs[0]
    return Step(
        calls=(),
        constants=weights,
        scratch_bytes=scratch_bytes,
        overwrites=source if overwrites else None,
        behind=None if behind is None else Behind(source, behind),
        macs=macs,
    )


def _macs(operator: Operator, graph: Graph) -> int:
    weights, output = graph.inputs_of(operator)[1], graph.output_of(operator)
    if operator.op == "CONV_2D":
        return prod(output.shape[:-1]) * weights.size
    return output.size * prod(weights.shape[1:3])


def _weights(operator: Operator, size_bytes: int, order: object = "") -> tuple[Constant, ...]:
    """What they take in flash; of one tensor in one order once, see `_shared`."""
    values = np.broadcast_to(np.int8(0), (size_bytes,))
    name = f"{operator.name}_weights"
    return (Constant(name, "int8_t", values, f"{operator.inputs[1]} {order} {size_bytes}"),)


def _shared(lowered: Sequence[Lowered]) -> tuple[Lowered, ...]:
    """The steps with weights at the first that has them in their order."""
    seen: set[str] = set()

    def once(form: Lowered) -> Lowered:
        if not isinstance(form, Step):
            return form
        fresh = tuple(each for each in form.constants if each.comment not in seen)
        seen.update(each.comment for each in fresh)
        return replace(form, constants=fresh)

    return tuple(map(once, lowered))


def _portable_conv(operator: Operator, graph: Graph) -> Step:
    height, width, channels, channels_out = _axes(operator, graph)
    taps = height.kernel * width.kernel * channels
    scratch_bytes, behind = dense.room_of((height, width), channels, channels_out)
    macs = _macs(operator, graph)
    weights = _weights(operator, taps * channels_out)
    return _step(operator, scratch_bytes, behind=behind, macs=macs, weights=weights)


def _packed_conv(packing: Packing, operator: Operator, graph: Graph) -> Step:
    height, width, channels, channels_out = _axes(operator, graph)
    macs, count = _macs(operator, graph), height.output * width.output
    if packing is MVE:
        ring = conv_rows.rows_of(height, width, channels, channels_out)
        if ring is not None:
            weights = _weights(operator, ring.weight_bytes, "rows")
            over = ring.in_place
            return _step(operator, ring.scratch_bytes, overwrites=over, macs=macs, weights=weights)
    window = PackedWindow(packing, height.kernel, width.kernel * channels)
    weights = _weights(operator, window.weight_bytes(channels_out))
    pointwise = height.kernel == width.kernel == 1 and height.input * width.input == count
    if window.direct and pointwise:
        chunks = chunks_of(count, channels, channels_out)
        step = _step(operator, macs=macs, weights=weights)
        if chunks is None:
            return step
        close = Behind(operator.inputs[0], chunks.bytes_behind, chunks.bytes_ahead)
        return replace(step, thrifty=replace(step, behind=close))
    room = packed.room_of(window, (height, width), channels, channels_out)
    return _step(operator, room.scratch_bytes, behind=room.behind, macs=macs, weights=weights)


def _depthwise(kernels: Kernels, operator: Operator, graph: Graph) -> Step:
    height, width, channels, channels_out = _axes(operator, graph)
    alone = kernels == "dsp" and channels == 1
    if alone and packed.conv_is_cheaper(height, width, channels_out):
        return _packed_conv(DSP, operator, graph)
    macs, taps = _macs(operator, graph), height.kernel * width.kernel
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    smaller = depthwise.overwritten(operator, source, output) is not None
    turns = min(height.kernel, width.kernel) > 1  # else weights lie the same both ways
    if kernels == "mve":
        way = depthwise_mve.way_of(height, width, channels, channels)
        if isinstance(way, depthwise_lanes.Lanes):
            over = way.is_sum or (smaller and way.in_place)
            weights = _weights(
                operator, way.weight_bytes(channels), ("lanes", turns and way.turned)
            )
            scratch_bytes = 0 if way.is_sum else way.scratch_bytes
            return _step(operator, scratch_bytes, overwrites=over, macs=macs, weights=weights)
        if way is not None:
            weights = _weights(operator, taps * channels, ("plane", turns and way.turned))
            return _step(
                operator, way.scratch_bytes, overwrites=smaller, macs=macs, weights=weights
            )
    if kernels == "dsp" and (words := depthwise.in_words(height, width, channels)) is not None:
        weights = _weights(operator, words.weight_bytes, "words")
        over = words.in_place
        return _step(operator, words.scratch_bytes, overwrites=over, macs=macs, weights=weights)
    plane = depthwise.plane_of(kernels, height, width, channels, channels)
    weights = _weights(operator, plane.weight_bytes, ("plane", turns and plane.turned))
    return _step(operator, plane.scratch_bytes, overwrites=smaller, macs=macs, weights=weights)


def _dense(kernels: Kernels, operator: Operator, graph: Graph) -> Step:
    channels, taps = graph.inputs_of(operator)[1].shape
    macs = channels * taps
    if kernels == "portable":
        return _step(operator, macs=macs, weights=_weights(operator, macs))
    window = PackedWindow(DSP if kernels == "dsp" else MVE, 1, taps)
    weights = _weights(operator, window.weight_bytes(channels))
    if window.direct:
        return _step(operator, macs=macs, weights=weights)
    return _step(operator, window.bytes, behind=0, macs=macs, weights=weights)


def _pool(operator: Operator, graph: Graph) -> Step:
    height, width, channels, _ = _axes(operator, graph)
    behind = bytes_behind(height, width, channels, channels, windows=1, late=1)
    return _step(operator, behind=behind)


def _elementwise(operator: Operator, graph: Graph) -> Step:
    depth = graph.output_of(operator).shape[-1]
    return _step(operator, 4 * depth if operator.op == "SOFTMAX" else 0, overwrites=True)


def _plain(operator: Operator, _: Graph, *, overwrites: bool = False) -> Step:
    return _step(operator, overwrites=overwrites)


def _weighed(operator: Operator, graph: Graph) -> Step:
    weights = graph.inputs_of(operator)[1]
    return _step(operator, weights=_weights(operator, weights.size))


_EVERYWHERE: Mapping[str, Callable[[Operator, Graph], Lowered]] = {
    **dict.fromkeys(("ADD", "SOFTMAX", "TANH"), _elementwise),
    "MAX_POOL_2D": _pool,
    "MEAN": lambda operator, _: _step(operator),
    "RESHAPE": lambda operator, _: Alias(operator.inputs[0]),
}
# Kernels of int16 values need no memory of their own; only those of single values work in place.
_WIDE: Mapping[str, Callable[[Operator, Graph], Lowered]] = {
    **dict.fromkeys(("ADD", "SOFTMAX", "TANH"), partial(_plain, overwrites=True)),
    **dict.fromkeys(("MAX_POOL_2D", "MEAN"), _plain),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), _weighed),
    "RESHAPE": _EVERYWHERE["RESHAPE"],
}
_CONV: Mapping[Kernels, Callable[[Operator, Graph], Step]] = {
    "portable": _portable_conv,
    "dsp": partial(_packed_conv, DSP),
    "mve": partial(_packed_conv, MVE),
}


def lower_outline(graph: Graph, kernels: Kernels) -> tuple[Lowered, ...]:
    """What operators of an outline become, but for calls and constants.

    Args:
        graph: As `outline` makes it.
        kernels: Of the core; those of int16 values take the same memory on each.
    """
    if not graph.is_int8:
        return tuple(_WIDE[each.op](each, graph) for each in graph.operators)
    operators: Mapping[str, Callable[[Operator, Graph], Lowered]] = {
        **_EVERYWHERE,
        **rows.OPERATORS,
        "CONV_2D": _CONV[kernels],
        "DEPTHWISE_CONV_2D": partial(_depthwise, kernels),
        "FULLY_CONNECTED": partial(_dense, kernels),
    }
    return tuple(operators[each.op](each, graph) for each in graph.operators)


def lowering(kernels: Kernels) -> Lowering:
    """How an outline's first operators become stripes."""
    return Lowering(partial(lower_outline, kernels=kernels), _shared)
