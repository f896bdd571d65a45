"""Random layers with weights, and pooling, for `tests.helpers.graphs`."""

from __future__ import annotations

import math

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.helpers.aot_writer import Quant, Ref
from tests.helpers.graph_builder import Builder

ACTIVATIONS = (0, 0, 1, 1, 3, 2)  # none, RELU, RELU6, RELU_N1_TO_1
# What networks have, and what kernels of many channels at a time are for.
WIDE_INPUTS = (16, 32, 64)
_WIDE_OUTPUTS = (16, 24, 32, 48, 64)
_WIDE_PIXELS = 49


class Layers(Builder):
    """Convolutions, dense layers and pooling."""

    def parameters(
        self, source: Ref, shape: tuple[int, ...], axis: int, channels: int
    ) -> tuple[list[int], Quant, float]:
        """Weights and perhaps a bias; the quantisation of what they make, and its size."""
        count = self.pick(1, channels, channels)
        scales = np.exp(self.rng.uniform(-7, -3, count)).astype(np.float32)
        # Converters make no weight of -128, but a file may have some.
        values = self.rng.integers(self.pick(-127, -127, -128), 128, shape).astype(np.int8)
        taps = math.prod(shape) // channels
        typical = float(np.median(scales)) * 73 * source.rms * math.sqrt(taps)
        inputs = [source.index, self.writer.constant(values, scales, [0] * count, axis)]
        if self.rng.random() < 0.85:
            bias_scales = (scales * source.quant.scale).astype(np.float32)
            spread = 2 * typical / float(np.median(bias_scales))
            bias = self.rng.uniform(-spread, spread, channels).clip(-(2**29), 2**29)
            zeros = [0] * count
            inputs.append(self.writer.constant(bias.astype(np.int32), bias_scales, zeros))
        return inputs, self.quant(typical), typical

    def perhaps_int4(self, inputs: list[int]) -> None:
        """Few layers of weights of four bits."""
        if self.rng.random() < 0.1:
            self.writer.narrow(inputs[1], inputs[2] if len(inputs) > 2 else None)

    def perhaps_asymmetric(self, inputs: list[int]) -> None:
        """Few dense layers of weights with a zero point."""
        if self.rng.random() < 0.15:
            affine = self.writer.tensors[inputs[1]].quantization
            affine.zeroPoint = [self.pick(3, -2, int(self.rng.integers(-128, 128)))]

    def window(
        self, source: Ref, kernel: tuple[int, int], *, neighbours: bool = False
    ) -> tuple[dict[str, int], list[int]]:
        """Random strides, dilation and padding of a window; the options and the output's size."""
        stride = [1 if neighbours else self.pick(1, 1, 2, 3) for _ in range(2)]
        dilation = [1 if neighbours else self.pick(1, 1, 1, 2, 3) for _ in range(2)]
        spans = [(kernel[i] - 1) * dilation[i] + 1 for i in range(2)]
        fits = all(spans[i] <= source.shape[1 + i] for i in range(2))
        valid = fits and self.rng.random() < 0.4
        sizes = [
            -(-(source.shape[1 + i] - (spans[i] - 1 if valid else 0)) // stride[i])
            for i in range(2)
        ]
        options = {
            "padding": int(valid),
            "strideH": stride[0],
            "strideW": stride[1],
            "dilationHFactor": dilation[0],
            "dilationWFactor": dilation[1],
            "fusedActivationFunction": self.pick(*ACTIVATIONS),
        }
        return options, sizes

    def kernel(self) -> tuple[int, int]:
        """A random kernel size."""
        common = self.pick((1, 1), (3, 3), (3, 3), None)
        return common or (int(self.rng.integers(1, 6)), int(self.rng.integers(1, 6)))

    def conv_2d(self, source: Ref) -> Ref:
        """Dense convolution, the one-dimensional forms included."""
        kernel = self.kernel()
        channels = int(self.rng.integers(1, 14))
        if source.shape[1] * source.shape[2] <= _WIDE_PIXELS and self.rng.random() < 0.4:
            channels = self.pick(*_WIDE_OUTPUTS)
        shape = (channels, *kernel, source.shape[3])
        inputs, quant, rms = self.parameters(source, shape, 0, channels)
        self.perhaps_int4(inputs)
        options, sizes = self.window(source, kernel)
        ref = self.writer.activation((1, *sizes, channels), quant, rms)
        return self.output("CONV_2D", inputs, ref, schema.Conv2DOptionsT(**options))

    def grouped_conv_2d(self, source: Ref) -> Ref:
        """A convolution of several groups, as many as there are channels now and then."""
        depth = source.shape[3]
        groups = self.pick(*(each for each in range(1, depth + 1) if depth % each == 0))
        kernel, channels = self.kernel(), groups * int(self.rng.integers(1, 6))
        shape = (channels, *kernel, depth // groups)
        inputs, quant, rms = self.parameters(source, shape, 0, channels)
        options, sizes = self.window(source, kernel)
        ref = self.writer.activation((1, *sizes, channels), quant, rms)
        return self.output("CONV_2D", inputs, ref, schema.Conv2DOptionsT(**options))

    def wide_conv_2d(self, source: Ref) -> Ref:
        """The convolutions of common networks: 3x3 and 1x1, one stride, no dilation."""
        size, stride = self.pick(1, 3, 3), self.pick(1, 1, 2)
        valid = size <= min(source.shape[1:3]) and self.rng.random() < 0.3
        channels = self.pick(*_WIDE_OUTPUTS)
        inputs, quant, rms = self.parameters(
            source, (channels, size, size, source.shape[3]), 0, channels
        )
        short = size - 1 if valid else 0
        sizes = [-(-(each - short) // stride) for each in source.shape[1:3]]
        ref = self.writer.activation((1, *sizes, channels), quant, rms)
        options = schema.Conv2DOptionsT(
            padding=int(valid),
            strideH=stride,
            strideW=stride,
            fusedActivationFunction=self.pick(*ACTIVATIONS),
        )
        return self.output("CONV_2D", inputs, ref, options)

    def pointwise_conv_2d(self, source: Ref) -> Ref:
        """One tap, mostly of as many channels as there are."""
        channels = self.pick(source.shape[3], source.shape[3], *WIDE_INPUTS, 21)
        shape = (channels, 1, 1, source.shape[3])
        inputs, quant, rms = self.parameters(source, shape, 0, channels)
        ref = self.writer.activation((*source.shape[:3], channels), quant, rms)
        activation = self.pick(*ACTIVATIONS)
        options = schema.Conv2DOptionsT(strideH=1, strideW=1, fusedActivationFunction=activation)
        return self.output("CONV_2D", inputs, ref, options)

    def padded_conv_2d(self, source: Ref) -> Ref:
        """An explicit border of zero points, and a convolution without a border of its own."""
        counts = np.zeros((4, 2), np.int32)
        counts[1:3] = self.rng.integers(0, 4, (2, 2))
        shape = tuple(int(n + c.sum()) for n, c in zip(source.shape, counts, strict=True))
        ref = self.writer.activation(shape, source.quant, source.rms)
        inputs = [source.index, self.writer.constant(counts)]
        padded = self.output("PAD", inputs, ref, schema.PadOptionsT())
        return (self.conv_2d, self.depthwise_conv_2d, self.wide_conv_2d)[self.pick(0, 1, 2)](padded)

    def transpose_conv(self, source: Ref) -> Ref:
        """Transposed convolution."""
        kernel = self.kernel()
        stride = [self.pick(1, 2, 2, 3) for _ in range(2)]
        channels = int(self.rng.integers(1, 14))
        shape = (channels, *kernel, source.shape[3])
        inputs, quant, rms = self.parameters(source, shape, 0, channels)
        same = self.rng.random() < 0.6
        grown = [0 if same else max(kernel[i] - stride[i], 0) for i in range(2)]
        sizes = [source.shape[1 + i] * stride[i] + grown[i] for i in range(2)]
        ref = self.writer.activation((1, *sizes, channels), quant, rms)
        options = schema.TransposeConvOptionsT(
            padding=0 if same else 1,
            strideH=stride[0],
            strideW=stride[1],
            fusedActivationFunction=self.pick(*ACTIVATIONS),
        )
        where = self.writer.constant(np.array([1, *sizes, channels], np.int32))
        operands = [where, inputs[1], source.index, *inputs[2:]]
        return self.output("TRANSPOSE_CONV", operands, ref, options)

    def depthwise_conv_2d(self, source: Ref) -> Ref:
        """Depthwise convolution with a multiplier."""
        many = (1, 3, 9, 16) if source.shape[3] == 1 else (1, 1, 2, 3)
        return self._depthwise(source, self.kernel(), self.pick(*many))

    def wide_depthwise_conv_2d(self, source: Ref) -> Ref:
        """A 3x3 window, or one of up to thirty taps in time, or all of it, over each channel.

        Or one of several lines of two to five taps, with neighbours of stride 1.
        """
        height, width = source.shape[1:3]
        if max(height, width) >= 4 and self.rng.random() < 0.3:
            kernel = (int(self.rng.integers(1, 9)), int(self.rng.integers(2, 6)))
            turned = kernel if self.rng.random() < 0.5 else kernel[::-1]
            relu = self.rng.random() < 0.5
            return self._depthwise(source, turned, 1, relu=relu, neighbours=True)
        if min(height, width) == 1:
            taps = int(self.rng.integers(1, 31))
            options = [(taps, 1) if width == 1 else (1, taps), (height, width)]
        else:
            options = [(3, 3), (3, 3), self.kernel(), (height, width)]
        return self._depthwise(source, self.pick(*options), 1, relu=self.rng.random() < 0.4)

    def _depthwise(
        self,
        source: Ref,
        kernel: tuple[int, int],
        multiplier: int,
        *,
        relu: bool = False,
        neighbours: bool = False,
    ) -> Ref:
        """`relu`: the output's zero point is where it is behind one."""
        channels = source.shape[3] * multiplier
        inputs, quant, rms = self.parameters(source, (1, *kernel, channels), 3, channels)
        self.perhaps_int4(inputs)
        options, sizes = self.window(source, kernel, neighbours=neighbours)
        quant = Quant(quant.scale, -128) if relu else quant
        ref = self.writer.activation((1, *sizes, channels), quant, rms)
        settings = schema.DepthwiseConv2DOptionsT(depthMultiplier=multiplier, **options)
        return self.output("DEPTHWISE_CONV_2D", inputs, ref, settings)

    def fully_connected(self, source: Ref) -> Ref:
        """A dense layer; now and then over many rows."""
        rows = (source.shape[:-1] if self.rng.random() < 0.3 else ()) or (1,)
        size = math.prod(source.shape)
        outputs = int(self.rng.integers(1, 20))
        shape = (outputs, size // math.prod(rows))
        inputs, quant, rms = self.parameters(source, shape, 0, outputs)
        if len(self.writer.tensors[inputs[1]].quantization.scale) == 1:
            self.perhaps_int4(inputs)
            self.perhaps_asymmetric(inputs)
        ref = self.writer.activation((*rows, outputs), quant, rms)
        options = schema.FullyConnectedOptionsT(
            fusedActivationFunction=self.pick(*ACTIVATIONS), keepNumDims=len(rows) > 1
        )
        return self.output("FULLY_CONNECTED", inputs, ref, options)

    def pool(self, op: str, source: Ref) -> Ref:
        """Pooling, often over everything."""
        kernel = self.pick(self.kernel(), (2, 2), source.shape[1:3])
        options, _ = self.window(source, kernel)
        options["dilationHFactor"] = options["dilationWFactor"] = 1
        fits = all(kernel[i] <= source.shape[1 + i] for i in range(2))
        options["padding"] = int(bool(options["padding"]) and fits)
        short = [kernel[i] - 1 if options["padding"] else 0 for i in range(2)]
        strides = (options["strideH"], options["strideW"])
        sizes = [-(-(source.shape[1 + i] - short[i]) // strides[i]) for i in range(2)]
        del options["dilationHFactor"], options["dilationWFactor"]
        shape = (1, *sizes, source.shape[3])
        ref = self.writer.activation(shape, source.quant, source.rms)
        settings = schema.Pool2DOptionsT(filterHeight=kernel[0], filterWidth=kernel[1], **options)
        return self.output(op, [source.index], ref, settings)

    def average_pool_2d(self, source: Ref) -> Ref:
        """Average pooling."""
        return self.pool("AVERAGE_POOL_2D", source)

    def max_pool_2d(self, source: Ref) -> Ref:
        """Maximum pooling."""
        return self.pool("MAX_POOL_2D", source)
