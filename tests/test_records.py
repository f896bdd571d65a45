"""Records: schemas are built when first needed, by whichever thread needs one first."""

from __future__ import annotations

import subprocess
import sys

from tests.helpers.paths import ROOT

# As `doit run -n …` may: several stages end at once, and each reads what it made.
FIRST_USES = """
import sys, threading
from mlforge_tasks.graph.manifest import Manifest
from mlforge_tasks.verdict.trials import Trials

sys.setswitchinterval(1e-6)
start = threading.Barrier(16)
read = []

def use():
    start.wait()
    read.append(Trials.from_dump({"results": ()}).met)
    read.append(Manifest.model_validate({"status": "ok", "outputs": {}}).reason)

threads = [threading.Thread(target=use) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(read), set(read) == {False, None})
"""


def test_threads_may_need_a_schema_at_once() -> None:
    """The first use of a record in several threads at a time is as good as any."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "32 True\n"
    assert done.stderr == ""
