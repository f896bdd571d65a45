#!/usr/bin/env bash
# TensorFlow Lite Micro (tflite-micro 0.dev20261023182759) does not rescale an int8 RELU6: it copies the
# input's bytes, and the output's scale is not the input's.
#
# Guess before the run: an int8 model that TensorFlow 2.21.0 has converted gives the same bytes on Micro as on
# TensorFlow's own reference kernels, give or take one step.
# Seen: for a network that begins with `ReLU(6.)`, or has `ReLU(6., negative_slope=0.1)` anywhere, the
# converter writes a RELU6 whose input and output differ in scale and zero point. TensorFlow rescales;
# Micro clamps the input's bytes and leaves them: 3.4 off in a range of 0 to 6, without an error. Where
# a convolution comes directly before, RELU6 is fused into it and all is well; RELU, by itself, is
# rescaled by both.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 \
    numpy==2.4.6 tflite-micro==0.dev20261023182759
cat > "$folder/compare.py" <<'PY'
import sys

import keras
import numpy as np
import tensorflow as tf
from keras.layers import Conv1D, ReLU
from tflite_micro import runtime

REFERENCE = tf.lite.experimental.OpResolverType.BUILTIN_REF


def errors(layers):
    """The largest error in reals of TensorFlow's reference kernels, and of Micro's."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((16, 4), batch_size=1), *layers])
    samples = np.random.default_rng(0).normal(0, 4, (50, 1, 16, 4)).astype("float32")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    content = converter.convert()
    interpreter = tf.lite.Interpreter(model_content=content, experimental_op_resolver_type=REFERENCE)
    interpreter.allocate_tensors()
    source, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    micro = runtime.Interpreter.from_bytes(content)
    worst = [0.0, 0.0]
    for sample in samples:
        scale, zero = source["quantization"]
        steps = np.clip(np.round(sample / scale) + zero, -128, 127).astype(np.int8)
        wanted = np.asarray(model((steps.astype("float32") - zero) * scale))
        interpreter.set_tensor(source["index"], steps)
        interpreter.invoke()
        micro.set_input(steps, 0)
        micro.invoke()
        scale, zero = output["quantization"]
        for place, seen in enumerate((interpreter.get_tensor(output["index"]), micro.get_output(0))):
            worst[place] = max(worst[place], abs((seen.astype("float32") - zero) * scale - wanted).max())
    return worst


seen = []
for name, layers in {
    "ReLU(6) first": [ReLU(6.0)],
    "ReLU(6, negative_slope=0.1)": [Conv1D(4, 3), ReLU(6.0, negative_slope=0.1)],
    "ReLU(6) behind a convolution": [Conv1D(4, 3), ReLU(6.0)],
    "ReLU first": [ReLU()],
}.items():
    reference, micro = errors(layers)
    seen.append(bool(micro > 2 and reference < 0.2))
    print(f"{name}: largest error of TensorFlow {reference:.2f}, of Micro {micro:.2f}", file=sys.stderr)
sys.exit(0 if seen == [True, True, False, False] else "it behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 KERAS_BACKEND=tensorflow KERAS_HOME="$folder" venv/bin/python compare.py 2>log >/dev/null || failed=1
grep -E 'largest error|another way' log
exit "${failed:-0}"
