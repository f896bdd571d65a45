#!/usr/bin/env bash
# tensorflow-cpu 2.21.0 with keras 3.15.1: a representative data set that yields `[first, second]` for a model
# of two inputs calibrates the second with the first's data, if the inputs are called "a" and "b".
#
# Guess before the run: the list is in the order of `model.inputs`, as `model([first, second])` and
# `model.predict` take it.
# Seen: it is in the order in which the converter writes the inputs, which depends on their names and
# is neither the model's nor the alphabet's: (a, b) and (x, y) are swapped, (left, right) is not. Here
# the first holds values up to 1, the second up to 100, and a swapped model has the scale 1/128 for what
# goes up to 100: all of it saturates. Nothing is said where the shapes agree. A dict by name is right.
# What is measured on the device with such a model is wrong for both inputs.
# That inputs change places is known (issue 56985 of tensorflow); that calibration follows is silent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/calibrate.py" <<'PY'
import sys

import keras
import numpy as np
import tensorflow as tf


def scales(names, by_name):
    """The scales of both inputs, in the model's order."""
    inputs = [keras.Input((4,), name=name) for name in names]
    model = keras.Model(inputs, [keras.layers.Dense(2)(each) for each in inputs])
    random = np.random.default_rng(0)

    def samples():
        for _ in range(20):
            small = random.uniform(-1, 1, (1, 4)).astype("float32")
            large = random.uniform(-100, 100, (1, 4)).astype("float32")
            yield dict(zip(names, [small, large])) if by_name else [small, large]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    runner = interpreter.get_signature_runner()
    return [float(runner.get_input_details()[name]["quantization"][0]) for name in names]


seen = []
for names in (("a", "b"), ("x", "y"), ("left", "right")):
    for by_name in (False, True):
        first, second = scales(names, by_name)
        print(f"tensorflow {tf.__version__}: inputs {names}, {'dict' if by_name else 'list'}: "
              f"scale of the one up to 1: {first:.4f}, of the one up to 100: {second:.4f}", file=sys.stderr)
        seen.append(first < second)
sys.exit(0 if seen == [False, True, False, True, True, True] else "it behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 KERAS_BACKEND=tensorflow KERAS_HOME="$folder" venv/bin/python calibrate.py 2>log >/dev/null || failed=1
grep -E 'scale of|another way' log
exit "${failed:-0}"
