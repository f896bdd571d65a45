"""A converted network in the words of an importer that takes few: what it computes stays the same.

Only the SOFTMAX at the end goes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODES = schema.BuiltinOperator
_WEIGHTED = (_CODES.CONV_2D, _CODES.DEPTHWISE_CONV_2D, _CODES.FULLY_CONNECTED)
_WITH_BIAS, _WITHOUT_BIAS = 4, 6


class _Model:
    def __init__(self, tflite: bytes) -> None:
        self.model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(tflite, 0))
        (self.graph,) = self.model.subgraphs

    def kind(self, operator: Any) -> int:
        return int(self.model.operatorCodes[operator.opcodeIndex].builtinCode)

    def reshape_code(self) -> int:
        codes = self.model.operatorCodes
        for index, code in enumerate(codes):
            if code.builtinCode == _CODES.RESHAPE:
                return index
        reshape = _CODES.RESHAPE
        codes.append(
            schema.OperatorCodeT(builtinCode=reshape, deprecatedBuiltinCode=reshape, version=1)
        )
        return len(codes) - 1

    def flat(self, tensor: int) -> tuple[Any, int]:
        """A RESHAPE to one row, and its output."""
        source = self.graph.tensors[tensor]
        shape = [1, math.prod(map(int, source.shape))]
        self.graph.tensors.append(
            schema.TensorT(
                shape=shape,
                type=source.type,
                buffer=0,
                name=b"flat",
                quantization=source.quantization,
            )
        )
        output = len(self.graph.tensors) - 1
        options = schema.ReshapeOptionsT(newShape=shape)
        kind = schema.BuiltinOptions.ReshapeOptions
        operator = schema.OperatorT(
            opcodeIndex=self.reshape_code(),
            inputs=[tensor],
            outputs=[output],
            builtinOptionsType=kind,
            builtinOptions=options,
        )
        return operator, output

    def operators(self) -> Iterator[Any]:
        for operator in self.graph.operators:
            kind = self.kind(operator)
            if kind == _CODES.RESHAPE and operator.builtinOptions is None:
                shape = [int(size) for size in self.graph.tensors[operator.outputs[0]].shape]
                operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
                operator.builtinOptions = schema.ReshapeOptionsT(newShape=shape)
            biased = len(operator.inputs) > 2 and operator.inputs[2] >= 0
            if kind in _WEIGHTED and biased:
                self.exact_bias(*operator.inputs)
            if kind == _CODES.FULLY_CONNECTED:
                version = _WITH_BIAS if biased else _WITHOUT_BIAS
                self.model.operatorCodes[operator.opcodeIndex].version = version
                if len(self.graph.tensors[operator.inputs[0]].shape) != 2:
                    before, output = self.flat(int(operator.inputs[0]))
                    operator.inputs = [output, *list(operator.inputs)[1:]]
                    yield before
            yield operator

    def exact_bias(self, source: int, weights: int, bias: int) -> None:
        """A bias' scales are products of two others; where the converter made them, nearly so."""
        one, many, to = (self.graph.tensors[each].quantization for each in (source, weights, bias))
        to.scale = [float(np.float32(one.scale[0] * scale)) for scale in many.scale]
        to.zeroPoint = [0] * len(to.scale)


def adapted(tflite: bytes) -> bytes:
    """The network with options and versions spelled out, a RESHAPE before dense layers, no SOFTMAX.

    Args:
        tflite: As TensorFlow converted it.
    """
    work = _Model(tflite)
    if work.kind(work.graph.operators[-1]) == _CODES.SOFTMAX:
        work.graph.outputs = [int(work.graph.operators.pop().inputs[0])]
    work.graph.operators = list(work.operators())
    builder = flatbuffers.Builder(4096)
    builder.Finish(work.model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
