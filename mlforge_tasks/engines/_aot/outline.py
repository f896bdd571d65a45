"""A graph of shapes alone, and what its operators become, to foretell what a design will take.

Neither weights nor scales decide how much memory an operator needs, but for forms that are rare:
this has the common ones.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import conv_rows, dense, depthwise, depthwise_mve
from mlforge_tasks.engines._aot.depthwise_lanes import lanes_of
from mlforge_tasks.engines._aot.graph import Graph, Operator, Options, Tensor
from mlforge_tasks.engines._aot.overlap import bytes_behind, chunks_of
from mlforge_tasks.engines._aot.packing import DSP, MVE, PackedWindow
from mlforge_tasks.engines._aot.program import Alias, Behind, Step
from mlforge_tasks.engines._aot.window import Axis, window_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.figures import LayerFigures
    from mlforge_tasks.architecture.geometry import Window
    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.graph import Shape
    from mlforge_tasks.engines._aot.packing import Packing
    from mlforge_tasks.engines._aot.program import Lowered

_OPERATORS = {"conv": "CONV_2D", "depthwise": "DEPTHWISE_CONV_2D", "dense": "FULLY_CONNECTED"}


class _Outline:
    """Tensors and operators of a network."""

    def __init__(self, figures: StaticFigures) -> None:
        self._layers = figures.layers
        self._readers = {at: layer for layer in figures.layers for at in layer.inputs}
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self.made = {-1: self._add(self._shape(-1, figures.input_bytes))}
        for at, layer in enumerate(figures.layers):
            self.made[at] = self._add(self._shape(at, layer.output_bytes))
            self._operator(at, layer)

    def _add(self, shape: Shape, *, constant: bool = False) -> int:
        data = np.broadcast_to(np.int8(0), shape) if constant else None
        self.tensors.append(Tensor(f"tensor_{len(self.tensors)}", shape, "int8", data=data))
        return len(self.tensors) - 1

    def _shape(self, at: int, size: int) -> Shape:
        """As the one who makes it, or else who reads it, has it."""
        layer = self._layers[at] if at >= 0 else None
        if layer is not None and layer.window is not None:
            sides = layer.window.output
        elif layer is not None and layer.operation == "elementwise":
            return self.tensors[self.made[layer.inputs[0]]].shape
        elif (reader := self._readers.get(at)) and reader.window is not None:
            sides = reader.window.input
        else:
            return (1, size)
        return (1, *sides, size // prod(sides))

    def _operator(self, at: int, layer: LayerFigures) -> None:
        window, sources = layer.window, [self.made[each] for each in layer.inputs]
        options = Options()
        if window is not None:
            stride, dilation = (window.stride,) * 2, (window.dilation,) * 2
            options = Options(
                same_padding=window.padded, stride=stride, dilation=dilation, kernel=window.kernel
            )
        weights = self._weights(layer, self.tensors[sources[0]])
        inputs = (*sources, *(self._add(each, constant=True) for each in weights))
        op = _OPERATORS.get(layer.operation) or self._without_weights(layer)
        self.operators.append(Operator(op, inputs, (self.made[at],), options, f"{layer.name}_{at}"))

    def _weights(self, layer: LayerFigures, source: Tensor) -> tuple[Shape, ...]:
        if layer.operation == "dense":
            return ((layer.channels, source.size),)
        if layer.window is None or layer.operation == "pool":
            return ()
        kernel, channels = layer.window.kernel, layer.channels
        if layer.operation == "depthwise":
            return ((1, *kernel, channels),)
        return ((channels, *kernel, source.shape[-1]),)

    def _without_weights(self, layer: LayerFigures) -> str:
        if layer.operation == "pool":
            return "MEAN" if layer.window is None else "MAX_POOL_2D"
        if layer.operation == "distance":
            return "RESHAPE"
        if len(layer.inputs) > 1:
            return "ADD"
        return "SOFTMAX" if layer.name == "softmax" else "TANH"


def axes(window: Window) -> tuple[Axis, Axis]:
    """Height and width of a window."""
    found = []
    for side in range(2):
        sizes = (window.input[side], window.output[side], window.kernel[side])
        axis = Axis(*sizes, window.stride, window.dilation, 0)
        before = max(axis.reach - axis.input, 0) // 2 if window.padded else 0
        found.append(replace(axis, before=before))
    return found[0], found[1]


def outline(figures: StaticFigures) -> Graph:
    """The graph that a network of these figures becomes."""
    made = _Outline(figures)
    output = made.operators[-1].output
    return Graph(tuple(made.tensors), tuple(made.operators), made.made[-1], output)


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
) -> Step:
    source = operator.inputs[0]
    return Step(
        calls=(),
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


def _portable_conv(operator: Operator, graph: Graph) -> Step:
    height, width, channels, channels_out = _axes(operator, graph)
    taps = height.kernel * width.kernel * channels
    in_runs = dense.in_runs(height, width, channels)
    gathers = not (height.inside and width.inside and in_runs)
    axes = (height, width)
    behind = dense.bytes_behind_in_pairs(axes, channels, channels_out, in_runs=in_runs)
    return _step(operator, 2 * taps if gathers else 0, behind=behind, macs=_macs(operator, graph))


def _packed_conv(packing: Packing, operator: Operator, graph: Graph) -> Step:
    height, width, channels, channels_out = _axes(operator, graph)
    macs, count = _macs(operator, graph), height.output * width.output
    if packing is MVE:
        rows = conv_rows.rows_of(height, width, channels, channels_out)
        if rows is not None:
            return _step(operator, rows.scratch_bytes, overwrites=rows.in_place, macs=macs)
    window = PackedWindow(packing, height.kernel, width.kernel * channels)
    pointwise = height.kernel == width.kernel == 1 and height.input * width.input == count
    if window.direct and pointwise:
        chunks = chunks_of(count, channels, channels_out)
        step = _step(operator, macs=macs)
        if chunks is None:
            return step
        close = Behind(operator.inputs[0], chunks.bytes_behind, chunks.bytes_ahead)
        return replace(step, thrifty=replace(step, behind=close))
    windows = window.group(count)
    neighbours = width.dilation == 1 or width.kernel == 1
    inside = height.inside and width.inside and neighbours
    gathered = 0 if inside or packing is MVE else window.runs * window.run
    behind = bytes_behind(height, width, channels, channels_out, windows)
    return _step(operator, windows * window.bytes + gathered, behind=behind, macs=macs)


def _depthwise(kernels: Kernels, operator: Operator, graph: Graph) -> Step:
    height, width, channels, _ = _axes(operator, graph)
    macs = _macs(operator, graph)
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    smaller = depthwise.overwritten(operator, source, output) is not None
    if kernels == "mve":
        plane = depthwise_mve.plane_of(height, width)
        lanes = lanes_of(height, width, channels)
        if plane.room and plane.cost(channels, channels) <= lanes.cost(channels):
            return _step(operator, plane.scratch_bytes, overwrites=smaller, macs=macs)
        if lanes.kernel == "aot_lanes_sum_s8":
            return _step(operator, overwrites=True, macs=macs)
        over = smaller and lanes.in_place
        return _step(operator, lanes.scratch_bytes, overwrites=over, macs=macs)
    if kernels == "dsp":
        words = depthwise.in_words(height, width, channels)
        if words is not None:
            over = words.in_place
            return _step(operator, words.scratch_bytes, overwrites=over, macs=macs)
    scratch_bytes = depthwise.plane_of(kernels, height, width, channels, channels).scratch_bytes
    return _step(operator, scratch_bytes, overwrites=smaller, macs=macs)


def _dense(kernels: Kernels, operator: Operator, graph: Graph) -> Step:
    taps = graph.inputs_of(operator)[1].shape[1]
    macs = graph.inputs_of(operator)[1].size
    if kernels == "portable":
        return _step(operator, macs=macs)
    window = PackedWindow(DSP if kernels == "dsp" else MVE, 1, taps)
    if window.direct:
        return _step(operator, macs=macs)
    return _step(operator, window.bytes, behind=0, macs=macs)


def _pool(operator: Operator, graph: Graph) -> Step:
    height, width, channels, _ = _axes(operator, graph)
    behind = bytes_behind(height, width, channels, channels, windows=1, late=1)
    return _step(operator, behind=behind)


def _elementwise(operator: Operator, graph: Graph) -> Step:
    depth = graph.output_of(operator).shape[-1]
    return _step(operator, 4 * depth if operator.op == "SOFTMAX" else 0, overwrites=True)


_EVERYWHERE: Mapping[str, Callable[[Operator, Graph], Lowered]] = {
    **dict.fromkeys(("ADD", "SOFTMAX", "TANH"), _elementwise),
    "MAX_POOL_2D": _pool,
    "MEAN": lambda operator, _: _step(operator),
    "RESHAPE": lambda operator, _: Alias(operator.inputs[0]),
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
        kernels: Of the core.
    """
    operators: Mapping[str, Callable[[Operator, Graph], Lowered]] = {
        **_EVERYWHERE,
        "CONV_2D": _CONV[kernels],
        "DEPTHWISE_CONV_2D": partial(_depthwise, kernels),
        "FULLY_CONNECTED": partial(_dense, kernels),
    }
    return tuple(operators[each.op](each, graph) for each in graph.operators)
