#!/usr/bin/env bash
# numpy 2.5.5's types, read by mypy 2.4.1 for Python 3.11 instead of 3.12: `a.min()`, `a.max()`,
# `a.argmin()` and `a.argmax()` "require at least one argument"; `a.sum()`, `a.mean()`, `a.std()` do
# not.
#
# Guess before the run: NumPy 2.5 changed its overloads, so code that calls `a.min()` has to change.
# Seen: the code is right. NumPy 2.5 needs Python 3.12, and `python_version = "3.11"` in a project's
# mypy settings (the oldest Python that it supports) makes mypy lose the one overload without an axis
# of those four: it stands under `@override`, which `typing` has from 3.12 on. With
# `--python-version 3.12` there is no error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=
for one in python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[23]*/bin/python; do
    if "$one" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        python=$one
        break
    fi
done
[ -n "$python" ] || { echo "needs a Python 3.12 or 3.13" >&2; exit 1; }
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check numpy==2.5.5 mypy==2.4.1
cat > "$folder/smallest.py" <<'PY'
import numpy as np
from numpy.typing import NDArray


def smallest(a: NDArray[np.float32]) -> None:
    a.min()
    a.argmax()
    a.sum()
    a.std()
PY
cd "$folder"
"$folder/venv/bin/mypy" --version
old=$("$folder/venv/bin/mypy" --python-version 3.11 smallest.py | grep error: || true)
new=$("$folder/venv/bin/mypy" --python-version 3.12 smallest.py)
echo "read for 3.11: $old"
echo "read for 3.12: $new"
[[ $old == *'smallest.py:6: error: All overload variants of "min" of "ndarray" require at least'* ]]
[[ $old == *'smallest.py:7: error: All overload variants of "argmax" of "ndarray" require at'* ]]
[ "$(grep -c error: <<< "$old")" = 2 ]
[[ $new == "Success: no issues found"* ]]
