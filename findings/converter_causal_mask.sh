#!/usr/bin/env bash
# Keras 3.15.1 and TensorFlow 2.21.0: the int8 form of a MultiHeadAttention that is called with
# `use_causal_mask=True` pays no attention; every step gets the mean of all steps up to it.
#
# Guess before the run: masked scores become a number so far below all others that its exponential is 0,
# and the rest keep their resolution, as they do without a mask.
# Seen: the mask writes -3.4e38, and the scores, which SELECT_V2 takes from one place or the other, get
# one scale with it, 9e35 a step. So all of them round to 0, without an error or a warning: outputs
# correlate with the network's by 0.6 where they do by 0.999 without the mask.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/attend.py" <<'PY'
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers

samples = np.random.default_rng(0).standard_normal((100, 1, 8, 8)).astype(np.float32)


def converted(causal):
    """The network, and its int8 form."""
    keras.utils.set_random_seed(0)
    spread = keras.initializers.RandomNormal(stddev=1.0)
    attention = layers.MultiHeadAttention(2, 8, kernel_initializer=spread)
    given = keras.Input((8, 8), batch_size=1)
    model = keras.Model(given, attention(given, given, use_causal_mask=causal))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return model, tf.lite.Interpreter(model_content=converter.convert())


def compared(causal):
    """Correlation of both outputs, and the largest step that a tensor has."""
    model, interpreter = converted(causal)
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
    largest = max(each["quantization"][0] for each in interpreter.get_tensor_details())
    return np.corrcoef(np.ravel(wanted), np.ravel(found))[0, 1], largest


print(f"keras {keras.__version__}, tensorflow {tf.__version__}")
(plain, least), (causal, most) = compared(False), compared(True)
print(f"without a mask: correlation {plain:.3f}, largest step {least:.3g}")
print(f"causal mask: correlation {causal:.3f}, largest step {most:.3g}")
if plain < 0.99 or causal > 0.9 or most < 1e30:
    sys.exit("it behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python attend.py 2>/dev/null | grep -E "^(keras|without|causal)"
