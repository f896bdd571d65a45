#!/usr/bin/env bash
# scipy 1.17.1: reading one ARFF file lifts the limit that Python's `csv` sets on a cell, for all of the
# process and for good.
#
# Guess before the run: `scipy.io.arff.loadarff` reads a file and changes nothing else.
# Seen: it sets `csv.field_size_limit` to 2**63 - 1 with each row. A program that relies on the
# limit (131,072 characters) to refuse a broken CSV file, as one with a quote that is never closed, takes
# such a file whole from then on, and a test of it passes or fails by the order in which tests run.
# Importing scipy.io changes nothing; reading does. The pull request that brought it (scipy 9854) says so,
# the documentation of `loadarff` does not.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
cat > "$folder/limit.py" <<'PY'
import csv
import io

import scipy
from scipy.io import arff

print("scipy", scipy.__version__)


def refused() -> bool:
    try:
        list(csv.reader(io.StringIO('a,b\n1,"' + "x" * 200_000)))
    except csv.Error as error:
        print("refused:", error)
        return True
    print("taken whole")
    return False


before, first = csv.field_size_limit(), refused()
arff.loadarff(io.StringIO("@relation r\n@attribute a {x}\n@data\nx\n"))
after, second = csv.field_size_limit(), refused()
print(f"limit before {before}, after {after}")
raise SystemExit(
    0
    if (before, first, after, second) == (131072, True, 2**63 - 1, False)
    else "it behaves in another way now"
)
PY
cd "$folder"
venv/bin/python limit.py
