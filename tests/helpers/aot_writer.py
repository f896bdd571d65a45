"""Writes `.tflite` flatbuffers tensor by tensor, without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array = Any
SCHEMA_VERSION = 3
_TYPES = {
    "bool": schema.TensorType.BOOL,
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
}


@dataclass(frozen=True)
class Quant:
    """Scale and zero point of an int8 tensor."""

    scale: np.float32
    zero_point: int


@dataclass(frozen=True)
class Ref:
    """A tensor of the model under construction; `rms` is a guess of its values' size."""

    index: int
    shape: tuple[int, ...]
    quant: Quant
    rms: float


@dataclass
class Writer:
    """A model under construction."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    operators: list[Any] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def _add(self, shape: tuple[int, ...], kind: int, buffer: int, quantisation: Any) -> int:
        tensor = schema.TensorT(
            shape=list(shape),
            type=kind,
            buffer=buffer,
            name=f"model/tensor_{len(self.tensors)}/BiasAdd",
            quantization=quantisation,
        )
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def activation(self, shape: tuple[int, ...], quant: Quant, rms: float) -> Ref:
        """A tensor that an operator, or the caller of the model, fills."""
        return self.value(shape, quant, rms, _TYPES["int8"])

    def value(self, shape: tuple[int, ...], quant: Quant, rms: float, kind: int) -> Ref:
        """Such a tensor of some type of the schema's."""
        index = self._add(shape, kind, 0, _affine([quant.scale], [quant.zero_point]))
        return Ref(index, shape, quant, rms)

    def state(self, shape: tuple[int, ...], quant: Quant, kind: int) -> int:
        """A tensor that an operator keeps from one inference to the next."""
        ref = self.value(shape, quant, 0.0, kind)
        self.tensors[ref.index].isVariable = True
        return ref.index

    def float_activation(self, shape: tuple[int, ...]) -> int:
        """A float tensor, which no int8 engine runs."""
        return self._add(shape, _TYPES["float32"], 0, None)

    def choices(self, shape: tuple[int, ...]) -> int:
        """A bool tensor that a comparison fills."""
        return self._add(shape, _TYPES["bool"], 0, None)

    def unknown(self, shape: tuple[int, ...]) -> int:
        """An int32 tensor that an operator fills."""
        return self._add(shape, _TYPES["int32"], 0, None)

    def constant(
        self,
        values: NDArray[Any],
        scales: Array = None,
        zero_points: Array = None,
        axis: int = 0,
    ) -> int:
        """A constant int8, int32 or float32 tensor."""
        data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.buffers.append(schema.BufferT(data=data))
        quantisation = None if scales is None else _affine(scales, zero_points, axis)
        return self._add(
            values.shape, _TYPES[values.dtype.name], len(self.buffers) - 1, quantisation
        )

    def narrow(self, weights: int, bias: int | None) -> None:
        """Makes weights int4 of sixteen times the scale, and the bias one of that scale."""
        tensor = self.tensors[weights]
        buffer = self.buffers[tensor.buffer]
        values = buffer.data.view(np.int8) >> 4
        even = np.append(values, [0] * (values.size % 2)).astype(np.uint8) & 15
        buffer.data = even[::2] | even[1::2] << 4
        tensor.type = schema.TensorType.INT4
        tensor.quantization.scale = [16 * each for each in tensor.quantization.scale]
        if bias is not None:
            of_bias = self.tensors[bias]
            whole = self.buffers[of_bias.buffer]
            whole.data = (whole.data.view(np.int32) // 16).view(np.uint8)
            of_bias.quantization.scale = [16 * each for each in of_bias.quantization.scale]

    def operator(self, op: str, inputs: list[int], outputs: list[int], options: Any = None) -> None:
        """An operator; `options` is an options object of the schema."""
        code = getattr(schema.BuiltinOperator, op)
        if code not in self.codes:
            self.codes.append(code)
        name = type(options).__name__.removesuffix("T") if options is not None else "NONE"
        self.operators.append(
            schema.OperatorT(
                opcodeIndex=self.codes.index(code),
                inputs=inputs,
                outputs=outputs,
                builtinOptionsType=getattr(schema.BuiltinOptions, name),
                builtinOptions=options,
            )
        )

    def finish(self, source: int, output: int) -> bytes:
        """The flatbuffer, of a model of one input and one output."""
        return self.finish_several([source], [output])

    def finish_several(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The flatbuffer."""
        model = schema.ModelT(
            version=SCHEMA_VERSION,
            operatorCodes=[
                schema.OperatorCodeT(
                    builtinCode=code, deprecatedBuiltinCode=min(code, 127), version=1
                )
                for code in self.codes
            ],
            subgraphs=[
                schema.SubGraphT(
                    tensors=self.tensors,
                    inputs=inputs,
                    outputs=outputs,
                    operators=self.operators,
                )
            ],
            buffers=self.buffers,
        )
        builder = flatbuffers.Builder(4096)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _affine(scales: Array, zero_points: Array, axis: int = 0) -> Any:
    return schema.QuantizationParametersT(
        scale=[float(scale) for scale in scales],
        zeroPoint=[int(zero) for zero in zero_points],
        quantizedDimension=axis,
    )
