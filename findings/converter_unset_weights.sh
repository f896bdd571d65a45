#!/usr/bin/env bash
# TensorFlow 2.21 with Keras 3.15.1: `TFLiteConverter.from_concrete_functions([function], model)`, the
# usual way to fix a network's batch, makes a .tflite without the network's weights, and no error.
#
# Guess before the run: as with Keras 2, the function's variables are frozen into constants, and the
# file computes what the network computes.
# Seen: the file holds VAR_HANDLE and READ_VARIABLE in place of the weights, and nothing that assigns
# them. LiteRT's interpreter runs it all the same, on whatever is in memory. With
# `experimental_enable_resource_variables = False` it is the same file; `from_keras_model` of the same
# network is right. Only quantising finds it: calibration ends with "variable != nullptr was not true".
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

keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((200,)), keras.layers.Dense(30)])
shape = tf.TensorSpec((1, 200), "float32")
function = tf.function(lambda x: model(x, training=False)).get_concrete_function(shape)
given = np.ones((1, 200), "float32")
wanted = np.asarray(model(given))


def operators(content):
    found = tf.lite.Interpreter(model_content=content)._get_ops_details()
    return [one["op_name"] for one in found]


def off(content):
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return float(np.abs(found - wanted).max())


right = tf.lite.TFLiteConverter.from_keras_model(model).convert()
wrong = tf.lite.TFLiteConverter.from_concrete_functions([function], model).convert()
print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}; weights of the network: 24,120 bytes")
print(f"from_keras_model: {len(right):,} bytes, {operators(right)}, off by {off(right):.1e}")
print(f"from_concrete_functions: {len(wrong):,} bytes, {operators(wrong)}")
if off(right) > 1e-4 or len(right) < 24_120:
    sys.exit("from_keras_model behaves in another way now")
if "READ_VARIABLE" not in operators(wrong) or len(wrong) > 10_000:
    sys.exit("from_concrete_functions behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= KERAS_BACKEND=tensorflow KERAS_HOME="$folder" venv/bin/python convert.py 2>/dev/null | tail -n 3
