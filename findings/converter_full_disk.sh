#!/usr/bin/env bash
# tensorflow-cpu 2.21.0 with keras 3.15.1: a disk that is full when `TFLiteConverter.from_keras_model`
# writes its temporary SavedModel reads "TypeError: 'NoneType' object is not callable"; the error that
# names the disk is neither raised nor the cause or context of the one that is.
#
# Guess before the run: an OSError or TensorFlow's ResourceExhaustedError with "No space left on
# device" (here "File too large": the limit is on the size of a file).
# Seen: `_convert_keras_to_saved_model` drops every exception of the export; the converter then goes
# on to freeze the Keras model, which works for no model of Keras 3. `model.export()` of the same
# model under the same limit tells the true error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tensorflow-cpu==2.21.0 keras==3.15.1
cat > "$folder/convert.py" <<'PY'
import resource
import tempfile

import keras
import tensorflow as tf

print("tensorflow", tf.__version__, "keras", keras.__version__)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64)])
soft = 8 << 10
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
try:
    tf.lite.TFLiteConverter.from_keras_model(model).convert()
    told = "nothing"
except Exception as error:
    told = f"{type(error).__name__}: {error}"
    hidden = error.__cause__ or error.__context__
print("the converter says:", told, "| beneath it:", repr(hidden))
with tempfile.TemporaryDirectory() as place:
    try:
        model.export(place, verbose=False)
        cause = "nothing"
    except Exception as error:
        cause = f"{type(error).__name__}: {str(error)[:300]}"
print("the export says:", cause)
assert told == "TypeError: 'NoneType' object is not callable", told
assert hidden is None, hidden
assert "File too large" in cause, cause
PY
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/convert.py" 2> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
