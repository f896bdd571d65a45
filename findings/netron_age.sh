#!/usr/bin/env bash
# netron 9.0.0: from 180 days after its release on it shows no model any more, only a request to update. Whoever
# pins it has a viewer with an end date.
#
# Guess before the run: a pinned viewer that serves its own page from its own package, without a network,
# shows the same model the same way however old it is.
# Seen: `browser.js` compares the date in its `index.html` with the computer's. Past 180 days it says "Please
# update to the newest version." for ever, and never asks for the model. `netron.serve` returns as ever. With
# the date taken out of the page, and nothing else changed, it goes on to its question about cookies.
# 9.3.3 has the same lines.
#
# Exits non-zero if that is no longer so. Needs chromium.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check netron==9.0.0
page=$(echo venv/lib/python3*/site-packages/netron/index.html)
echo 'digraph { input -> layer; layer -> output }' > model.dot
serve() {
    venv/bin/python -c "
import netron
netron.serve('model.dot', address=('127.0.0.1', $1))
netron.wait()" > "$1.log" 2>&1 &
    curl -sfo /dev/null --retry 60 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$1/"
}
said() {
    for _ in 1 2 3; do # a busy computer may end before the page has said anything
        chromium --headless=new --no-sandbox --disable-gpu --user-data-dir="$folder/profile$1" \
            --virtual-time-budget=8000 --dump-dom "http://127.0.0.1:$1/" 2>/dev/null |
            grep -o 'class="message-text">[^<]\+<' && break
    done
}
grep -o '<meta name="date"[^>]*>' "$page"
date -u +%F
serve 18701
before=$(said 18701)
sed -i '/<meta name="date"/d' "$page"
serve 18702
after=$(said 18702)
echo "with its date:    $before"
echo "without its date: $after"
grep -q "Please update to the newest version" <<< "$before"
grep -q "cookies" <<< "$after"
