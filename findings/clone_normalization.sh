#!/usr/bin/env bash
# Keras 3.15.1: a clone of a network with an adapted Normalization layer has the very weights of the
# original after `clone.set_weights(model.get_weights())`, and other outputs.
#
# Guess before the run: what `get_weights` gives is all that a network has learned, so a clone that
# was given it computes the same.
# Seen: the layer's three weights (mean, variance, count) are equal in both, but it computes with
# copies of them that are made as it is adapted or loaded from a file (`finalize_state`), and
# `set_weights` does not call that. The clone normalises by mean 0 and variance 1, without a word.
# `save_weights` and `load_weights` carry it over.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/clone.py" <<'PY'
import sys

import keras
import numpy as np

x = np.random.default_rng(0).normal(100, 20, (200, 4)).astype("float32")
layer = keras.layers.Normalization()
layer.adapt(x)
model = keras.Sequential([keras.Input((4,)), layer])
clone = keras.models.clone_model(model)
clone.set_weights(model.get_weights())
same = all(np.array_equal(a, b) for a, b in zip(model.get_weights(), clone.get_weights()))
right, wrong = (np.asarray(each(x)) for each in (model, clone))
model.save_weights(sys.argv[1])
clone.load_weights(sys.argv[1])
loaded = np.asarray(clone(x))
print(f"keras {keras.__version__}, {keras.backend.backend()}: equal weights: {same}")
print(f"mean of the outputs: model {right.mean():.2f}, clone {wrong.mean():.2f}, "
      f"after load_weights {loaded.mean():.2f}")
if not (same and abs(wrong.mean() - 100) < 5 and abs(right.mean()) < 0.1):
    sys.exit("it behaves in another way now")
if not np.allclose(loaded, right, atol=1e-5):
    sys.exit("load_weights behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 KERAS_BACKEND=tensorflow KERAS_HOME="$folder" venv/bin/python clone.py "$folder/w.weights.h5" 2>/dev/null
