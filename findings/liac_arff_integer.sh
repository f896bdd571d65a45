#!/usr/bin/env bash
# liac-arff 2.5.0: an INTEGER attribute is read by way of a float: times in nanoseconds are off by up to 128,
# and are Python integers that look exact.
#
# Guess before the run: `@attribute time integer` gives the integer that stands in the file.
# Seen: 1700000000123456789 comes back as 1700000000123456768, of type int. Samples that are 100 ns
# apart fall on the same time. `dumps` of what was read writes the wrong number back. As STRING it
# is whole. (scipy makes every number a float64, and says so by its type.)
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check liac-arff==2.5.0
cat > "$folder/times.py" <<'PY'
from importlib.metadata import version

import arff

first = 1700000000123456789
times = [first + 100 * sample for sample in range(4)]
rows = "".join(f"{time},{time}\n" for time in times)
text = f"@relation r\n@attribute time integer\n@attribute label string\n@data\n{rows}"
read = arff.loads(text)["data"]
print("liac-arff", version("liac-arff"))
for time, (integer, string) in zip(times, read):
    print(f"in the file {time}, read as {type(integer).__name__} {integer}, as string {string}")
seen = [row[0] for row in read]
exact = [int(row[1]) for row in read] == times
wanted = [int(float(time)) for time in times]
raise SystemExit(0 if seen == wanted != times and exact and len(set(seen)) < 4 else "it behaves in another way now")
PY
"$folder/venv/bin/python" "$folder/times.py"
