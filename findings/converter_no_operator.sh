#!/usr/bin/env bash
# TensorFlow 2.21.0: a network that only hands its input on comes out of full-integer conversion as
# float32, without an error or a warning, though `inference_input_type` and `inference_output_type`
# are int8 and int8 operators alone are allowed.
#
# Guess before the run: input and output become int8 of one scale, as they do of an output that hands
# the input on beside another one; or the conversion is refused.
# Seen: with no operator at all both are float32. With one that only moves values (a reshape to
# another rank), or with a dense layer beside, the same output is int8 of the input's scale.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/convert.py" <<'PY'
import sys

import numpy as np
import tensorflow as tf
from keras import Input, Model, layers

rows = np.random.default_rng(1).standard_normal((20, 1, 9), np.float32)


def types(outputs) -> list[str]:
    given = Input((9,))
    converter = tf.lite.TFLiteConverter.from_keras_model(Model(given, outputs(given)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row] for row in rows)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    model = tf.lite.Interpreter(model_content=converter.convert())
    ends = (*model.get_input_details(), *model.get_output_details())
    return [end["dtype"].__name__ for end in ends]


handed_on = types(layers.Identity())
reshaped = types(layers.Reshape((1, 9)))
beside = types(lambda given: [layers.Identity()(given), layers.Dense(2)(given)])
print(f"tensorflow {tf.__version__}; types of input and outputs, of int8 that was asked for:",
      f"identity: {handed_on}", f"reshape: {reshaped}", f"identity and dense: {beside}", sep="\n")
if handed_on != ["float32"] * 2 or reshaped != ["int8"] * 2 or beside != ["int8"] * 3:
    sys.exit("it behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python convert.py 2>/dev/null | grep -A3 "^tensorflow"
