#!/usr/bin/env bash
# soundfile 0.14.0: a FLAC file whose header leaves its length open, as an encoder writes that feeds a
# pipe, cannot be read to its end, neither at once nor in blocks.
#
# Guess before the run: RFC 9639, 8.2 allows 0 samples in STREAMINFO for "unknown", so `read` gives
# all of them, and blocks are read until one is empty.
# Seen: `info` says 9,223,372,036,854,775,807 samples; `read` raises ValueError "array is too big".
# Whole blocks are read, and the last one, which is shorter, raises "Internal psf_fseek() failed."
# and is lost. The same bytes with the length filled in are read.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check soundfile==0.14.0 numpy==2.2.6
cat > "$folder/stream.py" <<'PY'
import io

import numpy as np
import soundfile

print("soundfile", soundfile.__version__, "with", soundfile.__libsndfile_version__)
written, rate, block = 100_000, 8000, 30_000
whole = io.BytesIO()
soundfile.write(whole, np.linspace(-0.5, 0.5, written), rate, format="FLAC")
data = bytearray(whole.getvalue())
# "fLaC", a block header of 4 bytes, then STREAMINFO: the number of samples is 36 bits from byte 13 on.
data[21] &= 0xF0
data[22:26] = bytes(4)
said = soundfile.info(io.BytesIO(bytes(data))).frames
print(f"closed: {len(soundfile.read(whole)[0]) if not whole.seek(0) else 0} samples")
print(f"open: info says {said:,}")
try:
    at_once = len(soundfile.read(io.BytesIO(bytes(data)))[0])
except ValueError as error:
    at_once = f"ValueError: {error}"
print("open, at once:", at_once)
file, blocks = soundfile.SoundFile(io.BytesIO(bytes(data))), []
try:
    while len(samples := file.read(block)):
        blocks.append(len(samples))
    end = "its end"
except soundfile.LibsndfileError as error:
    end = f"LibsndfileError: {error}"
print(f"open, in blocks: {sum(blocks)} of {written}, then {end}")
same = said == 2**63 - 1 and "too big" in str(at_once) and sum(blocks) == 90_000 and "fseek" in end
raise SystemExit(0 if same else "it behaves in another way now")
PY
"$folder/venv/bin/python" "$folder/stream.py"
