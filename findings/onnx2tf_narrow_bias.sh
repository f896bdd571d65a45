#!/usr/bin/env bash
# onnx2tf 2.6.9 (with ai-edge-litert 2.1.2): its `…_full_integer_quant_with_int16_act.tflite` has biases
# of 32 bits and does not say so in `quantized_bias_type`, so LiteRT reads them as 64-bit ones.
#
# Guess before the run: the file is within a thousandth of the float one, as int16 activations are for.
# Seen: LiteRT is off by whole values, since each bias it reads is two of the file, and the last ones
# lie beyond the tensor. With the option set, and nothing else, the same file is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=
for one in python3.12 python3.13 "$HOME"/.pyenv/versions/3.1[23]*/bin/python; do
    if "$one" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        python=$one
        break
    fi
done
[ -n "$python" ] || { echo "needs a Python 3.12 or 3.13" >&2; exit 1; }
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check onnx2tf==2.6.9 ai-edge-litert==2.1.2 onnx==1.20.1 numpy==2.2.6
cat > "$folder/network.py" <<'PY'
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)
weights = numpy_helper.from_array(rng.normal(0, 0.3, (4, 3, 3, 3)).astype("float32"), "weights")
bias = numpy_helper.from_array(np.array([1.5, -0.5, 0.75, -1.25], "float32"), "bias")
node = helper.make_node("Conv", ["x", "weights", "bias"], ["y"], kernel_shape=[3, 3])
ends = [
    helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    for name, shape in (("x", [1, 3, 8, 8]), ("y", [1, 4, 6, 6]))
]
graph = helper.make_graph([node], "one", ends[:1], ends[1:], [weights, bias])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, "one.onnx")
np.save("calibration.npy", rng.uniform(-1, 1, (50, 8, 8, 3)).astype("float32"))
PY
cat > "$folder/compare.py" <<'PY'
import sys
from importlib.metadata import version

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter


def run(content, x):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    if given["dtype"] != np.float32:
        x = np.round(x / given["quantization"][0]).clip(-32768, 32767)
    interpreter.set_tensor(given["index"], x.reshape(given["shape"]).astype(given["dtype"]))
    interpreter.invoke()
    y = interpreter.get_tensor(made["index"])
    return y * made["quantization"][0] if made["dtype"] != np.float32 else y


def said(content, kind=None):
    """The biases' types, and what the options say of them; with `kind`, the file that says it."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    convolutions = [one for one in graph.operators if hasattr(one.builtinOptions, "quantizedBiasType")]
    types = [(graph.tensors[one.inputs[2]].type, one.builtinOptions.quantizedBiasType) for one in convolutions]
    for one in convolutions:
        one.builtinOptions.quantizedBiasType = one.builtinOptions.quantizedBiasType if kind is None else kind
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return types, bytes(builder.Output())


x = np.load("calibration.npy")[:1]
reals, wide = (open(f"made/one_{kind}.tflite", "rb").read() for kind in sys.argv[1:])
types, same = said(wide)
_, told = said(wide, schema.TensorType.INT32)
wanted = run(reals, x)
off, off_same, off_told = (float(np.abs(run(one, x) - wanted).max()) for one in (wide, same, told))
print(f"onnx2tf {version('onnx2tf')}, ai-edge-litert {version('ai-edge-litert')}; outputs from {wanted.min():.2f} to {wanted.max():.2f}")
print(f"biases: (type, quantized_bias_type) {types}, where INT32 is {schema.TensorType.INT32} and 0 stands for none")
print(f"int16 file in LiteRT: off by {off:.3g}, written again as it is {off_same:.3g}, with quantized_bias_type INT32 {off_told:.3g}")
if types != [(schema.TensorType.INT32, 0)] or min(off, off_same) < 0.3 or off_told > 0.05:
    sys.exit("onnx2tf or LiteRT behaves in another way now")
PY
cd "$folder"
export PATH="$folder/venv/bin:$PATH"
python network.py
onnx2tf -i one.onnx -o made -oiqt -cind x calibration.npy 0 1 > onnx2tf.log 2>&1 || { tail -n 5 onnx2tf.log; exit 1; }
python compare.py float32 full_integer_quant_with_int16_act 2>/dev/null
