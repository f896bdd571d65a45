#!/usr/bin/env bash
# pyedflib 0.1.42: a recording that is read and written again with its own header is another one: 7.9 % of
# the samples are a step nearer to zero, and each further copy takes another step from them.
#
# Guess before the run: `readSignal` and then `writeSamples` under the header that was read give the same
# digital samples, since each physical value is the very one of a step; new values are rounded.
# Seen: `writeSamples` divides by the size of a step and cuts the rest off. A value that comes out a hair
# below its own step (100 uV over 16 bits, +-200 uV over 12 bits) loses it. After five copies the same 7.9 %
# are five steps off. With `digital=True` on both sides a copy is one; ranges whose step is a whole
# number are safe. New samples are up to a whole step off, towards zero.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check pyedflib==0.1.42 numpy==2.4.6
cat > "$folder/again.py" <<'PY'
import numpy as np
import pyedflib


def write(header, samples, digital=False):
    with pyedflib.EdfWriter("one.edf", 1, file_type=pyedflib.FILETYPE_EDFPLUS) as writer:
        writer.setSignalHeader(0, header)
        writer.writeSamples([samples], digital=digital)


def read(digital=False):
    with pyedflib.EdfReader("one.edf") as reader:
        return reader.readSignal(0, digital=digital), reader.getSignalHeader(0)


seen = []
for physical, low, high in ((100.0, -32768, 32767), (200.0, -2048, 2047), (None, 0, 4095)):
    header = {
        "label": "ECG", "dimension": "uV", "sample_frequency": 100, "transducer": "", "prefilter": "",
        "physical_min": -physical if physical else low, "physical_max": physical or high,
        "digital_min": low, "digital_max": high,
    }
    count = (high + 1 - low) // 100 * 100
    original = np.arange(low, low + count, dtype=np.int32)
    for digital in (False, True):
        write(header, original, digital=True)
        shares, steps = [], []
        for _ in range(5):
            samples, own = read(digital)
            write(own, samples, digital)
            moved = np.abs(read(digital=True)[0].astype(int) - original)
            shares.append(round(100 * float((moved > 0).mean()), 1))
            steps.append(int(moved.max()))
        print(f"pyedflib {pyedflib.__version__}: {low} to {high} as {header['physical_min']:g} to "
              f"{header['physical_max']:g} uV, digital={digital}: "
              f"after 1 to 5 copies {shares} % of the samples off, by up to {steps} steps")
        seen.append((shares[-1] > 5, steps))
drift, none = (True, [1, 2, 3, 4, 5]), (False, [0] * 5)
raise SystemExit(0 if seen == [drift, none, drift, none, none, none] else "it behaves in another way now")
PY
cd "$folder"
venv/bin/python again.py 2>log || { tail -3 log; exit 1; }
