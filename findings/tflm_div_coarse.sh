#!/bin/sh
# TensorFlow Lite Micro's int8 DIV gives the greatest int8 for small quotients where the output's scale
# is coarse: 1 / 127 is 127.
#
# Guess before the run: with all scales 1 and zero points 0, the quotients of 0, 1, 2 and 127 by 127
# are 0, 0, 0 and 1, and those of 100 and -100 by 2 are 50 and -50.
# Seen (tflite-micro 0.dev20261023182759, Linux on x86-64, Python 3.11): 1, 127, 127 and 1; 50 and -50;
# and -1 / 127 is -128. The kernel lifts the dividend by its leading sign bits and shifts the quotient
# right by those and the divisor's bits, less the bits of the scales' ratio. That is more than 31 where
# the ratio (input scale / divisor scale / output scale) is below the divisor in steps; the shift of an
# int32 by 32 and more is then whatever the processor does, and the mask of the rest is -1. A release
# build checks nothing. TensorFlow's converter makes such files: of `x / (sigmoid(3 * x) + 0.05)` 22 of
# 1,920 values are off, by up to 242 steps. Softsign's `x / (abs(x) + 1)` has a ratio large enough.
#
# Exits non-zero if that is no longer so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q tflite-micro==0.dev20261023182759 flatbuffers==25.12.19 numpy==2.3.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import flatbuffers
import numpy as np
from tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

dividends = np.array([[0, 1, 2, 127, -1, 100, -100]], np.int8)
divisors = np.array([[127, 127, 127, 127, 127, 2, 2]], np.int8)


def tensor(name, buffer):
    affine = schema.QuantizationParametersT(scale=[1.0], zeroPoint=[0])
    int8 = schema.TensorType.INT8
    return schema.TensorT(
        shape=[1, 7], type=int8, buffer=buffer, name=name, quantization=affine
    )


code = schema.BuiltinOperator.DIV
operator = schema.OperatorT(
    opcodeIndex=0,
    inputs=[0, 1],
    outputs=[2],
    builtinOptionsType=schema.BuiltinOptions.DivOptions,
    builtinOptions=schema.DivOptionsT(),
)
graph = schema.SubGraphT(
    tensors=[tensor("in", 0), tensor("by", 1), tensor("out", 0)],
    inputs=[0],
    outputs=[2],
    operators=[operator],
)
model = schema.ModelT(
    version=3,
    operatorCodes=[schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code, version=1)],
    subgraphs=[graph],
    buffers=[schema.BufferT(), schema.BufferT(data=divisors.view(np.uint8).ravel())],
)
builder = flatbuffers.Builder(1024)
builder.Finish(model.Pack(builder), b"TFL3")
interpreter = runtime.Interpreter.from_bytes(bytes(builder.Output()))
interpreter.set_input(dividends, 0)
interpreter.invoke()
outputs = interpreter.get_output(0)[0].tolist()
print(f"{dividends[0].tolist()} / {divisors[0].tolist()} = {outputs}")
raise SystemExit(0 if outputs == [1, 127, 127, 1, -128, 50, -50] else 1)
PYTHON
