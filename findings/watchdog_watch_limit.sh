#!/usr/bin/env bash
# watchdog 7.1.0: where the user's inotify watches end below a folder that is watched with all in it, it says
# nothing, stays alive, and is deaf for the folders that are left.
#
# Guess before the run: `Observer.schedule(…, recursive=True)` raises "inotify watch limit reached" (ENOSPC), as it
# does where there is no watch left for the folder itself; or a thread of it ends, or a warning is logged.
# Seen: with 6 watches for a folder of 20 folders, nothing is raised or logged, each emitter is alive, and a file
# that is written in the last folder is never told of. With 0 watches it raises. watchfiles 1.3.0 raises where 6 are too few.
#
# Exits non-zero if that is no longer so. Needs user namespaces (unshare -r), where the limit can be set for one shell.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check watchdog==7.1.0
cat > watch.py << 'PYTHON'
import logging
import pathlib
import sys
import threading

from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer

logging.basicConfig(level=logging.INFO, stream=sys.stdout)
root = pathlib.Path(sys.argv[1])
for number in range(20):
    (root / f"{number:02}").mkdir(parents=True)
heard = threading.Event()


class Handler(FileSystemEventHandler):
    def on_created(self, event):
        heard.set()


observer = Observer()
observer.start()
try:
    observer.schedule(Handler(), str(root), recursive=True)
except OSError as error:
    sys.exit(f"raised: {error}")
unheard = 0
for number in range(20):
    heard.clear()
    (root / f"{number:02}" / "file").write_text("")
    unheard += not heard.wait(2)
alive = all(one.is_alive() for one in observer.emitters)
print(f"alive: {alive}, folders of 20 that are not heard: {unheard}")
PYTHON
within() { unshare -r sh -c "echo $1 > /proc/sys/user/max_inotify_watches; exec venv/bin/python watch.py $2" 2>&1 || true; }
venv/bin/pip list --disable-pip-version-check 2> /dev/null | grep watchdog
enough=$(within 1000 enough)
few=$(within 6 few)
none=$(within 0 none)
printf '1000 watches: %s\n6 watches:    %s\n0 watches:    %s\n' "$enough" "$few" "$none"
grep -q "alive: True, folders of 20 that are not heard: 0" <<< "$enough"
grep -q "^alive: True, folders of 20 that are not heard: 15$" <<< "$few"
grep -q "raised: .*inotify watch limit reached" <<< "$none"
