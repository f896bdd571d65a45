"""Random operators that keep a state, for `tests.helpers.graphs`."""

from __future__ import annotations

import math

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.helpers.aot_writer import Quant, Ref
from tests.helpers.graph_builder import Builder

_NO_INPUT = -1
_MOST_INPUTS, _MOST_STEPS = 64, 12
# Of what a variable keeps, and of an SVDF's memory.
_MOST_KEPT = 5
# What a gate is given that is neither always open nor always closed.
_GATE_RMS = 2.0


class States(Builder):
    """Operators with memory."""

    def matrix(self, rows: int, columns: int, real: float) -> tuple[int, float]:
        """Weights of one scale that bring inputs of 1 to about `real`, and that scale."""
        scale = np.float32(real / 73 / math.sqrt(columns) * np.exp(self.rng.uniform(-1, 1)))
        values = self.rng.integers(-127, 128, (rows, columns)).astype(np.int8)
        return self.writer.constant(values, [scale], [0]), float(scale)

    def steps_of(self, source: Ref) -> Ref:
        """A tensor as a few steps of a few inputs, one example."""
        size = math.prod(source.shape)
        fits = [n for n in range(1, _MOST_STEPS + 1) if size % n == 0]
        steps = self.pick(*fits)
        shape = (1, steps, size // steps)
        if size // steps > _MOST_INPUTS:
            return self.steps_of(self.pooled(source))
        if source.shape == shape:
            return source
        return self.reshaped("RESHAPE", source, shape, shape, schema.ReshapeOptionsT())

    def pooled(self, source: Ref) -> Ref:
        """Half of a long tensor."""
        size = math.prod(source.shape)
        flat = self.reshaped("RESHAPE", source, (1, size), (1, size), schema.ReshapeOptionsT())
        ref = self.writer.activation((1, size // 2), source.quant, source.rms)
        inputs = [
            flat.index,
            *(self.writer.constant(np.array(each, np.int32)) for each in ([0, 0], [1, size // 2])),
        ]
        return self.output("SLICE", inputs, ref, schema.SliceOptionsT())

    def unidirectional_sequence_lstm(self, source: Ref) -> Ref:
        """LSTM over steps, in either order of the first two axes."""
        source = self.steps_of(source)
        rng, units = self.rng, int(self.rng.integers(1, 20))
        _, steps, inputs = source.shape
        last = rng.random() < 0.2
        if last:
            shape = (steps, 1, inputs)
            source = self.reshaped("RESHAPE", source, shape, shape, schema.ReshapeOptionsT())
        hidden = Quant(
            np.float32(rng.uniform(0.3, 2) / 127), self.pick(0, int(rng.integers(-128, 128)))
        )
        given = [self.matrix(units, inputs, _GATE_RMS / max(source.rms, 1e-6)) for _ in range(4)]
        recurrent = [self.matrix(units, units, _GATE_RMS) for _ in range(4)]
        biases = []
        for _, scale in given:
            step = np.float32(source.quant.scale * scale)
            real = rng.uniform(-2, 2, units) / step
            counts = real.clip(-(2**30), 2**30).astype(np.int32)
            biases.append(self.writer.constant(counts, [step], [0]))
        cell = Quant(np.float32(2.0 ** -int(rng.integers(9, 18))), 0)
        kinds = schema.TensorType
        inputs_of = [
            source.index,
            *(index for index, _ in (*given, *recurrent)),
            *[_NO_INPUT] * 3,
            *biases,
            *[_NO_INPUT] * 2,
            self.writer.state((1, units), hidden, kinds.INT8),
            self.writer.state((1, units), cell, kinds.INT16),
            *[_NO_INPUT] * 4,
        ]
        options = schema.UnidirectionalSequenceLSTMOptionsT(
            fusedActivationFunction=schema.ActivationFunctionType.TANH,
            cellClip=self.pick(0.0, 0.0, float(rng.uniform(0.1, 3))),
            timeMajor=last,
        )
        ref = self.writer.activation((*source.shape[:2], units), hidden, 60 * float(hidden.scale))
        made = self.output("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs_of, ref, options)
        if not last:
            return made
        return self.reshaped(
            "RESHAPE", made, (1, steps, units), (1, steps, units), schema.ReshapeOptionsT()
        )

    def flat(self, source: Ref) -> Ref:
        """A tensor as a row of no more than some elements."""
        size = math.prod(source.shape)
        if size > _MOST_INPUTS:
            return self.flat(self.pooled(source))
        return self.reshaped("RESHAPE", source, (1, size), (1, size), schema.ReshapeOptionsT())

    def svdf(self, source: Ref) -> Ref:
        """Filters over time, of a state of 8 or 16 bits."""
        source, rng = self.flat(source), self.rng
        inputs, rank, units = source.shape[1], self.pick(1, 1, 2), int(rng.integers(1, 9))
        filters, memory = rank * units, int(rng.integers(1, _MOST_KEPT + 1))
        wide = rng.random() < 0.4
        feature, _ = self.matrix(filters, inputs, 1 / max(source.rms, 1e-6))
        least = 2.0**-13 if wide else 2.0**-6
        kept = np.float32(least * np.exp(rng.uniform(-1, 1)))
        state = Quant(kept, 0 if wide else self.pick(0, int(rng.integers(-128, 128))))
        most = 32767 if wide else 127
        of_time = np.float32(np.exp(rng.uniform(-1, 1)) / most)
        taps = rng.integers(-most, most + 1, (filters, memory))
        time = self.writer.constant(taps.astype(np.int16 if wide else np.int8), [of_time], [0])
        step = np.float32(kept * of_time)
        bias = (rng.uniform(-1, 1, units) / step).clip(-(2**30), 2**30).astype(np.int32)
        kinds = schema.TensorType
        inputs_of = [
            source.index,
            feature,
            time,
            self.writer.constant(bias, [step], [0]),
            self.writer.state((1, filters * memory), state, kinds.INT16 if wide else kinds.INT8),
        ]
        ref = self.writer.activation((1, units), self.quant(1.0), 1.0)
        return self.output("SVDF", inputs_of, ref, schema.SVDFOptionsT(rank=rank))

    def _variable(self, shape: tuple[int, ...], quant: Quant) -> tuple[int, Ref]:
        """The handle of a variable, and its value."""
        handle = self.writer.unknown((1,))
        options = schema.VarHandleOptionsT(container="", sharedName=f"kept_{handle}")
        self.writer.operator("VAR_HANDLE", [], [handle], options)
        value = self.writer.activation(shape, quant, 1.0)
        return handle, self.output("READ_VARIABLE", [handle], value, schema.ReadVariableOptionsT())

    def read_variable(self, source: Ref) -> Ref:
        """The last few tensors that came, of which a variable keeps all but the newest."""
        source = self.flat(source)
        size, more = source.shape[1], int(self.rng.integers(1, _MOST_KEPT))
        handle, before = self._variable((1, more * size), source.quant)
        window = self.writer.activation((1, (more + 1) * size), source.quant, source.rms)
        options = schema.ConcatenationOptionsT(axis=1)
        self.output("CONCATENATION", [before.index, source.index], window, options)
        later = self.writer.activation(before.shape, source.quant, source.rms)
        places = [
            self.writer.constant(np.array(each, np.int32)) for each in ([0, size], before.shape)
        ]
        self.output("SLICE", [window.index, *places], later, schema.SliceOptionsT())
        options = schema.AssignVariableOptionsT()
        self.writer.operator("ASSIGN_VARIABLE", [handle, later.index], [], options)
        return window

    def assign_variable(self, source: Ref) -> Ref:
        """The tensor that came before, which is read once this one is kept in its place."""
        handle, before = self._variable(source.shape, source.quant)
        if self.rng.random() < 0.5:
            before = self.reshaped(
                "RESHAPE", before, source.shape, source.shape, schema.ReshapeOptionsT()
            )
        options = schema.AssignVariableOptionsT()
        self.writer.operator("ASSIGN_VARIABLE", [handle, source.index], [], options)
        ref = self.writer.activation(source.shape, source.quant, source.rms)
        options = schema.MaximumMinimumOptionsT()
        return self.output("MAXIMUM", [source.index, before.index], ref, options)
