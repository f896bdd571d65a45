"""Random operators element by element that few networks have, for `tests.helpers.graphs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.helpers.aot_writer import Quant, Ref
from tests.helpers.graph_builder import Builder

if TYPE_CHECKING:
    from collections.abc import Callable

# Of IEEE 754, whatever the C library, of which TFLM's images have float kernels; operators of two
# operands take a constant.
_FUNCTIONS: dict[str, Callable[[], Any] | None] = {
    "ABS": None,
    "CEIL": None,
    "FLOOR": None,
    "LEAKY_RELU": lambda: schema.LeakyReluOptionsT(alpha=0.2),
    "NEG": None,
    "ROUND": None,
    "SQUARE": None,
    "SUB": schema.SubOptionsT,
}
_OF_TWO = {"SUB"}
_COMPARISONS = ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")


class Elementwise(Builder):
    """Operators with tables, and two tensors compared or subtracted and squared."""

    def operand(self, source: Ref) -> Ref:
        """A second operand."""
        raise NotImplementedError

    def at(self, source: Ref, quant: Quant) -> Ref:
        """A tensor at another scale."""
        return self.unary("QUANTIZE", source, quant, schema.QuantizeOptionsT())

    def abs(self, source: Ref) -> Ref:
        """Absolute values."""
        return self.unary("ABS", source, self.pick(source.quant, self.quant(source.rms)))

    def elu(self, source: Ref) -> Ref:
        """ELU; an output scale of a power of two has no value between two bytes."""
        scale = np.float32(2.0 ** np.round(np.log2(max(source.rms, 1e-3) / 40)))
        return self.unary("ELU", source, Quant(scale, self.pick(-128, 0, 7)))

    def rsqrt(self, source: Ref) -> Ref:
        """1 / sqrt of what is brought above zero; the reference takes no other."""
        above = self.at(source, Quant(source.quant.scale, -128))
        return self.unary("RSQRT", above, self.quant(source.rms**-0.5))

    def extreme(self, op: str, source: Ref) -> Ref:
        """The greater or the smaller of two tensors of one scale."""
        other = self.operand(source)
        if other.index in {ref.index for ref in self.made}:
            index = self.at(other, source.quant).index
        else:
            values = self.rng.integers(-128, 128, self.pick((), (1,), other.shape)).astype(np.int8)
            quant = source.quant
            index = self.writer.constant(values, [quant.scale], [quant.zero_point])
        ref = self.writer.activation(source.shape, source.quant, source.rms)
        return self.output(op, [source.index, index], ref, schema.MaximumMinimumOptionsT())

    def maximum(self, source: Ref) -> Ref:
        """The greater of two."""
        return self.extreme("MAXIMUM", source)

    def minimum(self, source: Ref) -> Ref:
        """The smaller of two."""
        return self.extreme("MINIMUM", source)

    def squared_difference(self, source: Ref) -> Ref:
        """The square of a difference."""
        other = self.operand(source)
        rms = max(source.rms, other.rms) ** 2
        ref = self.writer.activation(source.shape, self.quant(rms), rms)
        inputs = [source.index, other.index]
        options = schema.SquaredDifferenceOptionsT()
        return self.output("SQUARED_DIFFERENCE", inputs[:: self.pick(1, -1)], ref, options)

    def div(self, source: Ref) -> Ref:
        """By a tensor, or a constant that may broadcast, between two bounds above zero."""
        quant = self.quant(source.rms)
        low = self.pick(1, 20, 40) - 128
        high = low + 23
        divisor = self.operand(source)
        scale = np.float32(float(divisor.quant.scale))
        above = Quant(scale, self.pick(-128, low - 1))
        if divisor.index in {ref.index for ref in self.made}:
            divisor = self.at(divisor, above)
            for op, bound in (("MAXIMUM", low), ("MINIMUM", high)):
                value = np.array(bound, np.int8)
                other = self.writer.constant(value, [above.scale], [above.zero_point])
                ref = self.writer.activation(divisor.shape, above, divisor.rms)
                inputs = [divisor.index, other]
                divisor = self.output(op, inputs, ref, schema.MaximumMinimumOptionsT())
            index = divisor.index
        else:
            values = self.rng.integers(low, high + 1, divisor.shape).astype(np.int8)
            index = self.writer.constant(values, [above.scale], [above.zero_point])
        step = float(source.quant.scale) / float(scale) / self.pick(33, 50, 100, 3000)
        ref = self.writer.activation(
            source.shape, Quant(np.float32(step), quant.zero_point), 40 * step
        )
        options = schema.DivOptionsT(fusedActivationFunction=self.pick(0, 0, 1, 3))
        return self.output("DIV", [source.index, index], ref, options)

    def l2_normalization(self, source: Ref) -> Ref:
        """Each last axis at a length of 1."""
        ref = self.writer.activation(source.shape, Quant(np.float32(1 / 128), 0), 0.4)
        return self.output("L2_NORMALIZATION", [source.index], ref, schema.L2NormOptionsT())

    def float_function(self, source: Ref) -> Ref:
        """One or two functions in float between int8 tensors, with a copy between in some."""
        index = self.writer.float_activation(source.shape)
        self.writer.operator("DEQUANTIZE", [source.index], [index])
        for _ in range(self.pick(1, 2)):
            op = self.pick(*_FUNCTIONS)
            inputs = [index]
            if op in _OF_TWO:
                value = np.float32(self.rng.normal() * source.rms)
                inputs.append(self.writer.constant(np.full(self.pick((), (1,)), value)))
            index = self.writer.float_activation(source.shape)
            make = _FUNCTIONS[op]
            self.writer.operator(op, inputs[:: self.pick(1, -1)], [index], make and make())
        shape = source.shape
        if self.rng.random() < 0.3:
            shape = (1, int(np.prod(shape)))
            flat, index = index, self.writer.float_activation(shape)
            self.writer.operator("RESHAPE", [flat], [index], schema.ReshapeOptionsT(newShape=shape))
        ref = self.writer.activation(shape, self.quant(source.rms), source.rms)
        return self.output("QUANTIZE", [index], ref, schema.QuantizeOptionsT())

    def choice(self, source: Ref) -> Ref:
        """A tensor where it compares with a constant, and another constant elsewhere."""
        quant = Quant(np.float32(min(float(source.quant.scale), 0.9)), source.quant.zero_point)
        source = self.at(source, quant)
        bound, other = (
            self.writer.constant(
                self.rng.integers(-128, 128, self.pick((), (1,))).astype(np.int8),
                [quant.scale],
                [quant.zero_point],
            )
            for _ in range(2)
        )
        chosen = self.writer.choices(source.shape)
        pair = [source.index, bound][:: self.pick(1, -1)]
        self.writer.operator(self.pick(*_COMPARISONS), pair, [chosen])
        values = [source.index, other][:: self.pick(1, -1)]
        ref = self.writer.activation(source.shape, quant, source.rms)
        return self.output("SELECT_V2", [chosen, *values], ref, schema.SelectV2OptionsT())
