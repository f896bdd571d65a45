#!/usr/bin/env bash
# ppk2-api 0.9.2: a read that brings fewer bytes than complete a sample makes samples that never were, and
# samples that were lost on the way are not noticed.
#
# Guess before the run: a serial port gives any number of bytes at a time, and `get_samples` keeps the rest
# of a sample until the next call; so eight samples cut anywhere are eight samples. Each sample carries a
# counter, so a gap is told.
# Seen: cut into pieces of 4 bytes and more they are eight. An empty read, which `read(in_waiting)` is
# whenever nothing has come yet, puts a sample of 0 in the place of a real one, and the spike filter takes
# the step for a change of range: four values are off by up to 18 %. Read three bytes at a time eight samples are eleven,
# read one by one they are 32. The counter in bits 18 to 23 is not looked at: 97 of 100 samples come back
# as 97, without a word.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check ppk2-api==0.9.2 pyserial==3.5
cat > "$folder/reads.py" <<'PY'
import os
import struct
from importlib.metadata import version

from ppk2_api.ppk2_api import PPK2_API

print("ppk2-api", version("ppk2-api"))
port = os.ttyname(os.openpty()[1])


def samples(pieces):
    api = PPK2_API(port)  # uncalibrated; what it needs of a meter it has by default
    api.current_vdd = 3000
    return [round(value, 1) for piece in pieces for value in api.get_samples(piece)[0]]


def words(numbers):
    return b"".join(struct.pack("<I", 1000 | 1 << 14 | (one & 0x3F) << 18) for one in numbers)


data = words(range(8))
cuts = {
    "in one": [data],
    "5 and 27 bytes": [data[:5], data[5:]],
    "an empty read between": [data[:16], b"", data[16:]],
    "3 bytes at a time": [data[at : at + 3] for at in range(0, 32, 3)],
    "1 byte at a time": [data[at : at + 1] for at in range(32)],
}
seen = {}
for name, pieces in cuts.items():
    found = samples(pieces)
    seen[name] = len(found)
    print(f"{name}: {len(found)} samples: {found[:12]}")
seen["lost"] = len(samples([words(at for at in range(100) if at not in (40, 41, 42))]))
print("100 samples without three of them:", seen["lost"])
wanted = {
    "in one": 8, "5 and 27 bytes": 8, "an empty read between": 8, "3 bytes at a time": 11,
    "1 byte at a time": 32, "lost": 97,
}
raise SystemExit(0 if seen == wanted else "it behaves in another way now")
PY
cd "$folder"
venv/bin/python reads.py
