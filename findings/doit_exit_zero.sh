#!/usr/bin/env bash
# doit 0.37.0: a Python action that ends with `sys.exit(0)` ends the whole run with exit code 0; the tasks
# after it are not run.
#
# Guess before the run: the action is over, and well or failed, and the run goes on or ends with 1; a
# `main()` made for the command line calls sys.exit(0) when all went well.
# Seen: "train" calls such a main; "deliver", which depends on it, is never started. No message, exit
# code 0, with --continue too, and the next run does the same. Only `-n 2` ends with 1. A CI that goes by
# the exit code ships what was delivered some other day.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check doit==0.37.0
cd "$folder"
cat > dodo.py <<'PY'
import sys


def main():
    print("trained")
    sys.exit(0)


def task_train():
    return {"actions": [main], "verbosity": 2}


def task_deliver():
    return {"actions": ["echo delivered"], "task_dep": ["train"], "verbosity": 2}
PY
venv/bin/doit --version | sed -n 1p
found=
for options in "" "--continue" "-n 2"; do
    code=0
    # shellcheck disable=SC2086
    venv/bin/doit run $options > out 2>&1 || code=$?
    delivered=$(grep -cx delivered out || true)
    echo "doit run $options: exit code $code, delivered $delivered times"
    found+="$code $delivered;"
done
[ "$found" = "0 0;0 0;1 0;" ] || { echo "no longer as found" >&2; exit 1; }
