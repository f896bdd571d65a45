#!/usr/bin/env bash
# wfdb 4.3.1: a signal that was moved against the others (`skew` in the header) and has several samples a
# frame ends, read at its own rate, with numbers that were never measured.
#
# Guess before the run: `smooth_frames=False` gives NaN for all that a skew moves past the end of the
# file, as the frames that are averaged (the default) do.
# Seen: as many values are NaN as the skew has frames, not samples: with 2 samples a frame and a skew of 1
# frame the last but one is 0.0, with 4 and 3 nine of the last twelve are. Such a zero looks like a reading; a
# mean, a window or a label near the end is made of it. With one sample a frame all of them are NaN.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check wfdb==4.3.1 numpy==2.4.6 pandas==3.1.1
cat > "$folder/skew.py" <<'PY'
import importlib.metadata

import numpy as np
import wfdb

print("wfdb", importlib.metadata.version("wfdb"))
seen = {}
for samples, skew in ((1, 3), (2, 1), (4, 3)):
    frames = 10
    first = np.arange(100, 100 + frames)[:, None]
    second = np.arange(1, frames * samples + 1).reshape(frames, samples)
    np.hstack([first, second]).astype("<i2").tofile("r.dat")
    lines = [f"r 2 100 {frames}", "r.dat 16 1(0)/mV", f"r.dat 16x{samples}:{skew} 1(0)/mV"]
    with open("r.hea", "w") as header:
        header.write("\n".join([*lines, ""]))
    signal = wfdb.rdrecord("r", smooth_frames=False).e_p_signal[1]
    moved = samples * skew
    end = signal[len(signal) - moved :]
    assert (signal[: len(signal) - moved] == np.arange(moved + 1, frames * samples + 1)).all()
    seen[samples, skew] = int((~np.isnan(end)).sum())
    print(f"{samples} samples a frame, skew {skew}: the last {moved}, never measured, are {end.tolist()}")
raise SystemExit(0 if seen == {(1, 3): 0, (2, 1): 1, (4, 3): 9} else "it behaves in another way now")
PY
cd "$folder"
venv/bin/python -W ignore skew.py
