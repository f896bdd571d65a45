#!/usr/bin/env bash
# doit 0.37.0: a teardown that fails leaves the exit code at 0; with `-n 2` the run breaks instead with an
# AssertionError of doit's own and exit code 3.
#
# Guess before the run: a task whose teardown fails (the board's power off, the serial line given back) has
# failed: exit code 1, with one process or two.
# Seen: one process: "ERROR: task 'measure' teardown action", and 0. Two processes: a traceback that says
# nothing of the teardown, and 3; two threads (`-P thread`): 0 again. Likewise `doit clean` ends with 0 where a
# clean action fails.
#
# Exits non-zero if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check doit==0.37.0
cd "$folder"
cat > dodo.py <<'PY'
def task_measure():
    return {"actions": ["echo measured"], "teardown": ["exit 1"], "clean": ["exit 1"]}
PY
venv/bin/doit --version | sed -n 1p
found=
for command in "run" "run -n 2" "run -n 2 -P thread" "clean"; do
    code=0
    # shellcheck disable=SC2086
    venv/bin/doit $command > out 2>&1 || code=$?
    last=$(tail -1 out)
    echo "doit $command: exit code $code, last words: $last"
    found+="$code ${last%%:*};"
done
wanted="0 ERROR;3 AssertionError;0 ERROR;0 Command failed;"
[ "$found" = "$wanted" ] || { echo "no longer as found: $found" >&2; exit 1; }
