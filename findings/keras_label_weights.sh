#!/usr/bin/env bash
# Keras 3.15.1: a weight for each output of each example ([batch, outputs]) as `sample_weight` of
# `BinaryCrossentropy` is refused, but for a batch of as many examples as there are outputs: there
# each example's loss is weighted by those of other examples, without a word.
#
# Guess before the run: weights of the targets' own shape weigh element by element, or are refused
# whatever the batch is.
# Seen: the loss is the mean over the last axis first, [batch], and is then multiplied by what
# broadcasts against [batch]: [2, 2] does, along the wrong axis; [3, 2] does not. A last batch that
# is smaller than the others is enough. With one axis more, of size one, at targets and outputs the
# weights are taken element by element.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
cat > "$folder/weights.py" <<'PY'
import sys

import keras
import numpy as np

there = np.array([[1, 0], [0, 1], [1, 1]], "float32")
told = np.array([[0.9, 0.2], [0.4, 0.7], [0.6, 0.5]], "float32")
weight = np.array([[3, 1], [2, 5], [3, 5]], "float32")
each = -(there * np.log(told) + (1 - there) * np.log(1 - told))
loss = keras.losses.BinaryCrossentropy()


def value(examples: int, axes: tuple = ()) -> float:
    part = (slice(examples), ..., *axes)
    return float(loss(there[part], told[part], sample_weight=weight[:examples]))


print(f"keras {keras.__version__}, {keras.backend.backend()}")
try:
    refused = f"no, it gives {value(3)}"
except Exception as error:
    refused = type(error).__name__
print(f"3 examples of 2 outputs: refused: {refused}")
wanted, other = (each * weight)[:2].mean(), (each[:2].mean(axis=1)[None] * weight[:2]).mean()
print(f"2 examples of 2 outputs: {value(2):.6f}; element by element {wanted:.6f}, "
      f"of other examples {other:.6f}; with an axis more {value(2, (None,)):.6f}")
if refused.startswith("no") or abs(value(2) - other) > 1e-5 or abs(other - wanted) < 1e-3:
    sys.exit("it behaves in another way now")
if abs(value(2, (None,)) - wanted) > 1e-5 or abs(value(3, (None,)) - (each * weight).mean()) > 1e-5:
    sys.exit("with an axis more it behaves in another way now")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 KERAS_BACKEND=tensorflow KERAS_HOME="$folder" venv/bin/python weights.py 2>/dev/null
