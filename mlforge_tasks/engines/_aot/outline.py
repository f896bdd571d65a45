"""A graph of shapes alone, to foretell what a design will take.

Neither weights nor scales decide how much memory an operator needs, but for forms that are rare:
this has the common ones.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.graph import Graph, Operator, Options, Tensor
from mlforge_tasks.engines._aot.window import Axis

if TYPE_CHECKING:
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.figures import LayerFigures
    from mlforge_tasks.architecture.geometry import Window
    from mlforge_tasks.engines._aot.graph import Shape
    from mlforge_tasks.quantisation import EndType

_OPERATORS = {"conv": "CONV_2D", "depthwise": "DEPTHWISE_CONV_2D", "dense": "FULLY_CONNECTED"}


class _Outline:
    """Tensors and operators of a network."""

    def __init__(self, figures: StaticFigures, dtype: EndType) -> None:
        self._dtype = dtype
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
        dtype = "int8" if constant else self._dtype
        self.tensors.append(Tensor(f"tensor_{len(self.tensors)}", shape, dtype, data=data))
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
        if layer.operation == "dense":
            sources = [self._flat(sources[0])]
        weights = self._weights(layer, self.tensors[sources[0]])
        inputs = (*sources, *(self._add(each, constant=True) for each in weights))
        op = _OPERATORS.get(layer.operation) or self._without_weights(layer)
        self.operators.append(Operator(op, inputs, (self.made[at],), options, f"{layer.name}_{at}"))

    def _flat(self, source: int) -> int:
        """A tensor as a dense layer reads it, behind what flattens it."""
        tensor = self.tensors[source]
        if len(tensor.shape) == 2:
            return source
        made = self._add((1, tensor.size))
        self.operators.append(Operator("RESHAPE", (source,), (made,), name=f"flat_{made}"))
        return made

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


@functools.lru_cache(maxsize=4096)
def axes(window: Window) -> tuple[Axis, Axis]:
    """Height and width of a window."""
    found = []
    for side in range(2):
        sizes = (window.input[side], window.output[side], window.kernel[side])
        axis = Axis(*sizes, window.stride, window.dilation, 0)
        before = max(axis.reach - axis.input, 0) // 2 if window.padded else 0
        found.append(replace(axis, before=before))
    return found[0], found[1]


def outline(figures: StaticFigures, dtype: EndType = "int8") -> Graph:
    """The graph that a network of these figures becomes, of values of some type."""
    made = _Outline(figures, dtype)
    output = made.operators[-1].output
    return Graph(tuple(made.tensors), tuple(made.operators), (made.made[-1],), (output,))
