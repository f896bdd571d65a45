#!/usr/bin/env bash
# tensorflow-cpu 2.21.0 with keras 3.15.1: where a channel's weights are small beside its bias, full-integer
# conversion gives the channel not the scale of its weights but one under which the bias is exactly 2^30 or
# -2^30. All its weights become 0, and nothing says so.
#
# Guess before the run: the scale is the largest weight / 127, and the bias saturates at 2^31 - 1.
# Seen: of weights around 1e-9 and 1e-12, and of zeros, the scale is the same, |bias| / 2^30 / input scale.
# Outputs stay right, since such weights add less than the bias' own rounding. But whoever reads the file
# finds channels that hold one value, with an accumulator on the very end of 31 bits, and a factor to the
# output below 2^-24: cases for which fixed-point kernels tend to have no fast form. Half the channels of
# MLPerf Tiny's published visual wake words network are like that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/convert.py" <<'PY'
import sys

import keras
import numpy as np
import tensorflow as tf

SIZES = np.array([1, 1e-9, 1e-12, 0], np.float32)
rows = np.random.default_rng(1).uniform(-1, 1, (50, 1, 1, 1, 4)).astype(np.float32)
given = keras.Input((1, 1, 4))
layer = keras.layers.Conv2D(4, 1)
model = keras.Model(given, layer(given))
weights = np.random.default_rng(2).standard_normal((1, 1, 4, 4)).astype(np.float32)
layer.set_weights([weights * SIZES, np.array([0.5, 0.5, -0.5, 0.5], np.float32)])
converter = tf.lite.TFLiteConverter.from_keras_model(model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: ([row] for row in rows)
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = converter.inference_output_type = tf.int8
interpreter = tf.lite.Interpreter(model_content=converter.convert())
interpreter.allocate_tensors()
tensors = {each["dtype"].__name__: each for each in interpreter.get_tensor_details()
           if len(each["quantization_parameters"]["scales"]) == 4}
bias = interpreter.get_tensor(tensors["int32"]["index"]).tolist()
kept = interpreter.get_tensor(tensors["int8"]["index"]).reshape(4, 4).any(axis=1).tolist()
scales = tensors["int8"]["quantization_parameters"]["scales"]
print(f"tensorflow {tf.__version__}; by channel, weights of size {SIZES.tolist()}:",
      f"scales of the weights {scales.tolist()}", f"any weight that is not 0 {kept}",
      f"bias {bias}, 2^30 is {1 << 30}", sep="\n", file=sys.stderr)
sys.exit(0 if kept == [True, False, False, False]
         and bias[1:] == [1 << 30, -(1 << 30), 1 << 30] else "it behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 KERAS_BACKEND=tensorflow KERAS_HOME="$folder" venv/bin/python convert.py 2>log >/dev/null || failed=1
grep -E '^tensorflow|^scales|^any|^bias|another way' log
exit "${failed:-0}"
