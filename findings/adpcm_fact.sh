#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2): a compressed WAV file says in its `fact` chunk how many samples it
# holds; soundfile gives more of them, up to the end of the last block.
#
# Guess before the run: 5,000 samples written as ADPCM or GSM come back as 5,000, since a block's padding
# is what `fact` is for.
# Seen: 5,060 (Microsoft ADPCM), 5,120 (GSM 6.10) and 5,040 (G.721), by `read` and by `info`, although
# soundfile itself wrote `fact` with 5,000. For IMA ADPCM it writes 5,085 there. The rest is no silence for
# GSM, G.721 and IMA: a last window, or a label per sample, is then about samples that never were.
# FLAC, Opus, Vorbis and MP3 come back with 5,000.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check soundfile==0.14.0 numpy==2.4.6
cat > "$folder/frames.py" <<'PY'
import numpy as np
import soundfile

print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__)
samples = np.random.default_rng(0).normal(0, 0.2, 5000).clip(-1, 0.99).astype("float32")
seen = {}
for container, kind in (
    ("WAV", "MS_ADPCM"), ("WAV", "GSM610"), ("WAV", "G721_32"), ("WAV", "IMA_ADPCM"),
    ("FLAC", "PCM_16"), ("OGG", "OPUS"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
):
    soundfile.write("sound", samples, 16000, format=container, subtype=kind)
    content = open("sound", "rb").read()
    place = content.find(b"fact") if container == "WAV" else -1
    fact = int.from_bytes(content[place + 8 : place + 12], "little") if place > 0 else None
    read = soundfile.read("sound")[0]
    seen[kind] = fact, len(read)
    rest = f", the rest up to {np.abs(read[5000:]).max():.2f}" if len(read) > 5000 else ""
    print(f"{container} {kind}: fact says {fact}, info {soundfile.info('sound').frames}, read {len(read)}{rest}")
wanted = {
    "MS_ADPCM": (5000, 5060), "GSM610": (5000, 5120), "G721_32": (5000, 5040), "IMA_ADPCM": (5085, 5085),
    "PCM_16": (None, 5000), "OPUS": (None, 5000), "VORBIS": (None, 5000), "MPEG_LAYER_III": (None, 5000),
}
raise SystemExit(0 if seen == wanted else "it behaves in another way now")
PY
cd "$folder"
venv/bin/python frames.py
