#!/usr/bin/env bash
# TensorFlow 2.21.0: the int8 converter gives a flipped tensor (REVERSE_V2) the scale of the sum that
# reads it, and its own kernel, which copies bytes, reads them by another.
#
# Guess before the run: REVERSE_V2 has one scale for input and output, as other operators have that
# only move values, such as STRIDED_SLICE.
# Seen: for `x + keras.ops.flip(x, 1)` with a layer behind the sum, REVERSE_V2 reads 0.031 a step and
# makes 0.041, that of the sum; the mean error of the outputs is ten times that of `x + x[:, ::-1]`,
# without an error or a warning. With nothing behind the sum both scales are one.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/turn.py" <<'PY'
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers

samples = np.random.default_rng(0).standard_normal((100, 1, 8, 8)).astype(np.float32)


def mean_error(turn):
    """Of the int8 form's outputs, as a share of their spread; and scales of REVERSE_V2."""
    keras.utils.set_random_seed(0)
    given = keras.Input((8, 8), batch_size=1)
    steps = layers.Dense(8)(given)
    model = keras.Model(given, layers.Dense(3)(layers.Add()([steps, turn(steps)])))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    source, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    wanted, found = [], []
    for sample in samples:
        scale, zero = source["quantization"]
        steps = np.clip(np.round(sample / scale) + zero, -128, 127).astype(np.int8)
        interpreter.set_tensor(source["index"], steps)
        interpreter.invoke()
        scale, zero = output["quantization"]
        found.append((interpreter.get_tensor(output["index"]).astype(np.float32) - zero) * scale)
        wanted.append(np.asarray(model(sample)))
    scales = {each["index"]: each["quantization"][0] for each in interpreter.get_tensor_details()}
    turned = [
        (scales[each["inputs"][0]], scales[each["outputs"][0]])
        for each in interpreter._get_ops_details()
        if each["op_name"] == "REVERSE_V2"
    ]
    return np.abs(np.array(found) - wanted).mean() / np.std(wanted), turned


print(f"keras {keras.__version__}, tensorflow {tf.__version__}")
flip, scales = mean_error(lambda steps: keras.ops.flip(steps, 1))
sliced, _ = mean_error(lambda steps: steps[:, ::-1])
print(f"flip: mean error {flip:.3f}, REVERSE_V2 from and to a scale of {scales}")
print(f"slice: mean error {sliced:.3f}")
if len(scales) != 1 or scales[0][0] == scales[0][1] or flip < 5 * sliced:
    sys.exit("it behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python turn.py 2>/dev/null | grep -E "^(keras|flip|slice):? "
