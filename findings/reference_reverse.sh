#!/usr/bin/env bash
# TensorFlow 2.21.0: its converter writes REVERSE_V2 of version 3 into an int8 model, which the interpreter's
# reference kernels (`OpResolverType.BUILTIN_REF`) do not have, so the reference refuses what the
# converter of the same package has just made.
#
# Guess before the run: the reference has every operator that the optimised kernels have, as it is what
# those are held against; and the float model of the same network, which it runs, says no other.
# Seen: float (version 1) runs with both. Of int8 the optimised kernels run it, the reference ends with
# "Didn't find op for builtin opcode 'REVERSE_V2' version '3' ... Are you using an old TFLite binary
# with a newer model?", which says of one's own installation what is the package's. Any network that
# reads backwards has it, as Keras' Bidirectional does.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/reverse.py" <<'PY'
import sys

import numpy as np
import tensorflow as tf

rows = np.random.default_rng(1).standard_normal((8, 1, 4, 2), np.float32)


class Backwards(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((1, 4, 2), tf.float32)])
    def serve(self, given):
        return tf.reverse(given, [1])


def converted(int8: bool) -> bytes:
    network = Backwards()
    concrete = network.serve.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], network)
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row] for row in rows)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def runs(model: bytes, kernels: str) -> str:
    resolver = getattr(tf.lite.experimental.OpResolverType, kernels)
    try:
        found = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=resolver)
        found.allocate_tensors()
        found.invoke()
    except (RuntimeError, ValueError) as error:
        return "no kernel" if "REVERSE_V2' version '3'" in str(error) else str(error)
    return "runs"


seen = {
    (kind, kernels): runs(converted(kind == "int8"), kernels)
    for kind in ("float", "int8")
    for kernels in ("BUILTIN_WITHOUT_DEFAULT_DELEGATES", "BUILTIN_REF")
}
print("tensorflow", tf.__version__)
for (kind, kernels), what in seen.items():
    print(f"{kind}, {kernels}: {what}")
if list(seen.values()) != ["runs", "runs", "runs", "no kernel"]:
    sys.exit("it behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python reverse.py 2>/dev/null | grep -A5 "^tensorflow"
