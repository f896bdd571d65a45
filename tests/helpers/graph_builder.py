"""What every random graph is built with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.helpers.aot_writer import Quant, Ref, Writer

if TYPE_CHECKING:
    from collections.abc import Callable


class Builder:
    """A graph under construction."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.writer = Writer()
        self.made: list[Ref] = []

    def start(self, shape: tuple[int, ...]) -> Ref:
        """The model's input."""
        quant = self.quant(float(np.exp(self.rng.uniform(-4, 1))))
        self.made = [self.writer.activation(shape, quant, float(quant.scale) * 74)]
        return self.made[0]

    def apply(self, op: str, source: Ref) -> Ref:
        """Adds one operator behind a tensor."""
        method: Callable[[Ref], Ref] = getattr(self, op.lower())
        ref = method(source)
        self.made.append(ref)
        return ref

    def finish(self) -> bytes:
        """The model, whose output is the last tensor made."""
        return self.writer.finish(self.made[0].index, self.made[-1].index)

    def pick(self, *values: Any) -> Any:
        """One of some values."""
        return values[int(self.rng.integers(len(values)))]

    def quant(self, rms: float) -> Quant:
        """A quantisation under which values of that size fill the int8 range, mostly."""
        steps = self.rng.uniform(15, 60) if self.rng.random() < 0.9 else self.rng.uniform(0.5, 4e3)
        zero_point = self.pick(-128, 127, 0, int(self.rng.integers(-128, 128)))
        return Quant(np.float32(max(rms / steps, 1e-7)), zero_point)

    def output(self, op: str, inputs: list[int], ref: Ref, options: Any = None) -> Ref:
        """Adds an operator with one output."""
        self.writer.operator(op, inputs, [ref.index], options)
        return ref

    def unary(self, op: str, source: Ref, quant: Quant | None = None, options: Any = None) -> Ref:
        """Adds an operator that keeps the shape."""
        ref = self.writer.activation(source.shape, quant or source.quant, source.rms)
        return self.output(op, [source.index], ref, options)

    def reshaped(
        self, op: str, source: Ref, shape: tuple[int, ...], argument: Any, options: Any
    ) -> Ref:
        """Adds an operator that only changes the shape."""
        ref = self.writer.activation(shape, source.quant, source.rms)
        inputs = [source.index]
        if argument is not None:
            inputs.append(self.writer.constant(np.array(argument, np.int32)))
        return self.output(op, inputs, ref, options)
