"""An int8 or int16 model of an architecture, with random weights, without TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.architecture.graph import INPUT, infer_shapes
from tests.helpers.aot_writer import Quant, Ref, Writer
from tests.helpers.graph_int16 import WideWriter

if TYPE_CHECKING:
    from mlforge_tasks.architecture import Architecture, Shape, Task
    from mlforge_tasks.architecture.graph import LayerShape
    from mlforge_tasks.quantisation import EndType

_FUSED = {"linear": 0, "relu": 1, "relu6": 3}
_BOUNDED = {"tanh": ("TANH", 1 / 128, 0), "sigmoid": ("LOGISTIC", 1 / 256, -128)}
_SCALE = np.float32(0.02)
# Of int16 values between -1 and 1.
_FINEST = np.float32(1 / 32768)


def _image(shape: Shape) -> tuple[int, ...]:
    """A batch of one; a series is an image one row high."""
    return (1, *((1, *shape) if len(shape) == 2 else shape))


class _Model:
    def __init__(
        self, nodes: tuple[LayerShape, ...], input_shape: Shape, activations: EndType
    ) -> None:
        self._rng = np.random.default_rng(1)
        self._wide = activations == "int16"
        self.writer = WideWriter() if self._wide else Writer()
        self.input = self._made(_image(input_shape))
        self.tensors = {INPUT: self.input}
        for node in nodes:
            self.tensors[node.name] = self._node(node)

    def _made(
        self, shape: tuple[int, ...], scale: float | np.float32 = _SCALE, zero: int = 0
    ) -> Ref:
        quant = Quant(np.float32(scale), zero)
        if self._wide:
            quant = Quant(_FINEST if scale < _SCALE else _SCALE, 0)
        return self.writer.activation(shape, quant, 1.0)

    def _node(self, node: LayerShape) -> Ref:
        sources = [self.tensors[name] for name in node.inputs]
        made: Ref = getattr(self, f"_{node.kind}")(node, *sources)
        activation = getattr(node.layer, "activation", "linear")
        if activation in _BOUNDED and node.kind != "activation":
            return self._bounded(activation, made)
        return made

    def _bounded(self, activation: str, source: Ref) -> Ref:
        op, scale, zero = _BOUNDED[activation]
        made = self._made(source.shape, scale, zero)
        self.writer.operator(op, [source.index], [made.index])
        return made

    def _weights(self, shape: tuple[int, ...], axis: int, source: Ref) -> list[int]:
        channels = shape[axis]
        scales = np.exp(self._rng.uniform(-6, -4, channels)).astype(np.float32)
        if len(shape) == 2:  # converters give a dense layer one
            scales[:] = scales[0]
        values = self._rng.integers(-127, 128, shape).astype(np.int8)
        steps = (scales * source.quant.scale).astype(np.float32)
        bias = self._rng.integers(-500, 500, channels).astype(np.int32)
        zeros = [0] * channels
        weights = self.writer.constant(values, scales, zeros, axis)
        return [source.index, weights, self.writer.constant(bias, steps, zeros)]

    def _output(self, node: LayerShape, shape: tuple[int, ...]) -> Ref:
        """Behind a ReLU nothing is below the zero point, as converters have it."""
        activation = getattr(node.layer, "activation", "linear")
        return self._made(shape, zero=-128 if _FUSED.get(activation) else 0)

    def _window(self, node: LayerShape) -> dict[str, int]:
        layer: Any = node.layer
        fused = _FUSED.get(getattr(layer, "activation", "linear"), 0)
        return {
            "padding": int(layer.padding == "valid"),
            "strideH": layer.stride,
            "strideW": layer.stride,
            "fusedActivationFunction": fused,
        }

    def _conv(self, node: LayerShape, source: Ref, kernel: tuple[int, ...]) -> Ref:
        shape = _image(node.output_shape)
        made = self._output(node, shape)
        inputs = self._weights((shape[3], *kernel, source.shape[3]), 0, source)
        options = self._window(node) | {"dilationWFactor": getattr(node.layer, "dilation", 1)}
        self.writer.operator("CONV_2D", inputs, [made.index], schema.Conv2DOptionsT(**options))
        return made

    def _kernel(self, node: LayerShape) -> tuple[int, ...]:
        kernel: Any = getattr(node.layer, "kernel", 1)
        return tuple(kernel) if isinstance(kernel, tuple) else (1, kernel)

    def _conv1d(self, node: LayerShape, source: Ref) -> Ref:
        return self._conv(node, source, self._kernel(node))

    _conv2d = _conv1d

    def _depthwise_conv1d(self, node: LayerShape, source: Ref) -> Ref:
        shape = (*_image(node.output_shape)[:3], source.shape[3])
        half = node.kind.startswith("separable")  # whose activation comes behind both
        made = self._made(shape) if half else self._output(node, shape)
        inputs = self._weights((1, *self._kernel(node), shape[3]), 3, source)
        options = schema.DepthwiseConv2DOptionsT(
            **self._window(node) | ({"fusedActivationFunction": 0} if half else {}),
            depthMultiplier=1,
            dilationWFactor=getattr(node.layer, "dilation", 1),
        )
        self.writer.operator("DEPTHWISE_CONV_2D", inputs, [made.index], options)
        return made

    _depthwise_conv2d = _depthwise_conv1d

    def _separable_conv1d(self, node: LayerShape, source: Ref) -> Ref:
        between = self._depthwise_conv1d(node, source)
        shape = _image(node.output_shape)
        made = self._output(node, shape)
        inputs = self._weights((shape[3], 1, 1, between.shape[3]), 0, between)
        fused = self._window(node)["fusedActivationFunction"]
        options = schema.Conv2DOptionsT(strideH=1, strideW=1, fusedActivationFunction=fused)
        self.writer.operator("CONV_2D", inputs, [made.index], options)
        return made

    _separable_conv2d = _separable_conv1d

    def _max_pool(self, node: LayerShape, source: Ref) -> Ref:
        layer: Any = node.layer
        made = self._made(_image(node.output_shape), source.quant.scale, source.quant.zero_point)
        height = 1 if len(node.output_shape) == 2 else layer.size
        options = schema.Pool2DOptionsT(
            padding=int(layer.padding == "valid"),
            strideH=1 if height == 1 else layer.stride or layer.size,
            strideW=layer.stride or layer.size,
            filterHeight=height,
            filterWidth=layer.size,
        )
        op = "MAX_POOL_2D" if node.kind == "max_pool" else "AVERAGE_POOL_2D"
        self.writer.operator(op, [source.index], [made.index], options)
        return made

    _average_pool = _max_pool

    def _global_average_pool(self, node: LayerShape, source: Ref) -> Ref:
        made = self._made((1, *node.output_shape))
        axes = self.writer.constant(np.array([1, 2], np.int32))
        options = schema.ReducerOptionsT(keepDims=False)
        self.writer.operator("MEAN", [source.index, axes], [made.index], options)
        return made

    def _flatten(self, _: LayerShape, source: Ref) -> Ref:
        size = prod(source.shape)
        made = self._made((1, size), source.quant.scale, source.quant.zero_point)
        shape = self.writer.constant(np.array([1, size], np.int32))
        self.writer.operator("RESHAPE", [source.index, shape], [made.index])
        return made

    def _dense(self, node: LayerShape, source: Ref) -> Ref:
        made = self._output(node, (1, *node.output_shape))
        inputs = self._weights((node.output_shape[0], source.shape[-1]), 0, source)
        fused = _FUSED.get(getattr(node.layer, "activation", "linear"), 0)
        options = schema.FullyConnectedOptionsT(fusedActivationFunction=fused)
        self.writer.operator("FULLY_CONNECTED", inputs, [made.index], options)
        return made

    def _add(self, _: LayerShape, left: Ref, right: Ref) -> Ref:
        made = self._made(left.shape)
        operands = [left.index, right.index]
        self.writer.operator("ADD", operands, [made.index], schema.AddOptionsT())
        return made

    def _softmax(self, _: LayerShape, source: Ref) -> Ref:
        made = self._made(source.shape, 1 / 256, -128)
        options = schema.SoftmaxOptionsT(beta=1.0)
        self.writer.operator("SOFTMAX", [source.index], [made.index], options)
        return made

    def _activation(self, node: LayerShape, source: Ref) -> Ref:
        """Where it is not fused; folded into the layer before, it costs nothing."""
        layer: Any = node.layer
        if layer.activation in _BOUNDED:
            return self._bounded(layer.activation, source)
        self.writer.operators[-1].builtinOptions.fusedActivationFunction = _FUSED[layer.activation]
        zero = 0 if self._wide else -128
        self.writer.tensors[source.index].quantization.zeroPoint = [zero]
        return replace(source, quant=replace(source.quant, zero_point=zero))

    def _dropout(self, _: LayerShape, source: Ref) -> Ref:
        return source

    # Only right behind a layer with weights, which it is folded into.
    _batch_norm = _dropout


def model_of(
    architecture: Architecture,
    input_shape: Shape,
    task: Task,
    outputs: int,
    activations: EndType = "int8",
) -> bytes:
    """What an architecture would be converted to, but for its weights and scales.

    Args:
        architecture: A body whose batch norms follow layers with weights.
        input_shape: Of one example, without the batch axis.
        task: What it is for.
        outputs: Of the head.
        activations: What its values are; weights are int8.

    Returns:
        A `.tflite` file.
    """
    nodes = infer_shapes(architecture, input_shape, task, outputs)
    model = _Model(nodes, input_shape, activations)
    return model.writer.finish(model.input.index, model.tensors[nodes[-1].name].index)
