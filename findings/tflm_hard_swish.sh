#!/bin/sh
# TensorFlow Lite Micro's int8 HARD_SWISH is off by a whole step where its output's scale is far above
# its input's.
#
# Guess before the run: with an input scale of 1e-6 and an output scale of 0.3, hard_swish of every
# int8 input is below 1e-4, far less than half a step, so all outputs are the zero point, 0.
# Seen (tflite-micro 0.dev20261023182759, Linux on x86-64, Python 3.11): -1 for negative inputs, 1 for
# all others, 0 included. The kernel divides by a power of two in 16 bits (gemmlowp's
# RoundingDivideByPOT of int16_t); from an exponent of 16 on its mask of the remainder is -1, so that
# what is not negative is rounded up, and what is negative down.
# A device that is byte-equal to it is one step off with it.
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


def tensor(name, scale):
    affine = schema.QuantizationParametersT(scale=[scale], zeroPoint=[0])
    int8 = schema.TensorType.INT8
    return schema.TensorT(shape=[1, 256], type=int8, buffer=0, name=name, quantization=affine)


code = schema.BuiltinOperator.HARD_SWISH
graph = schema.SubGraphT(
    tensors=[tensor("in", 1e-6), tensor("out", 0.3)],
    inputs=[0],
    outputs=[1],
    operators=[schema.OperatorT(opcodeIndex=0, inputs=[0], outputs=[1])],
)
model = schema.ModelT(
    version=3,
    operatorCodes=[schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=code, version=1)],
    subgraphs=[graph],
    buffers=[schema.BufferT()],
)
builder = flatbuffers.Builder(1024)
builder.Finish(model.Pack(builder), b"TFL3")
interpreter = runtime.Interpreter.from_bytes(bytes(builder.Output()))
values = np.arange(-128, 128, dtype=np.int8)
interpreter.set_input(values[np.newaxis], 0)
interpreter.invoke()
outputs = interpreter.get_output(0)[0]
negative, rest = set(outputs[values < 0].tolist()), set(outputs[values >= 0].tolist())
print(f"outputs of negative inputs {negative}, of all others {rest}; in reals all are below 1e-4")
raise SystemExit(0 if (negative, rest) == ({-1}, {1}) else 1)
PYTHON
