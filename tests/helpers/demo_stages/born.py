"""A stage that tells what its process is like, and then ends in the way that is asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages._child import run_child

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _say(line: str) -> None:
    print(line, flush=True)


def _hang() -> None:
    child = subprocess.Popen(["sleep", "600"])
    print(os.getpid(), child.pid, flush=True)
    signal.pause()


def _wait() -> None:
    print(os.getpid(), flush=True)
    signal.pause()


def _fail() -> None:
    raise CandidateFailure(Reason(code="fault", stage="born", message="as asked"))


def _break() -> None:
    raise ValueError("as asked")


THIS = "tests.helpers.demo_stages.born"
ENDS: Mapping[str, Callable[[], None]] = {
    "well": lambda: None,
    "exits": lambda: sys.exit(5),
    "fails": _fail,
    "breaks": _break,
    "crashes": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hangs": _hang,
    "waits": _wait,
}


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `born.json`.

    Args:
        inputs: Passed on.
        out: Output folder.
        config: `end`, one of `ENDS`; `below`, a configuration for a process of its own, or None.
    """
    open_files = [str(Path(f"/proc/self/fd/{one}").readlink()) for one in range(3)]
    born = {
        "argv": sys.argv,
        "name": __name__,
        "environ": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109 - as it is asked for
        "path": sys.path,
        "leads": os.getsid(0) == os.getpgid(0) == os.getpid(),
        "umask": os.umask(0o022),
        "stdin": open_files[0],
        "one output": open_files[1] == open_files[2],
        "text": [sys.stdout.encoding, sys.stdout.errors, sys.stderr.errors],
    }
    told = {**born, "parent": os.getppid(), "forked": "tests.helpers.warm_imports" in sys.modules}
    (out / "born.json").write_text(json.dumps(told))
    print("out")
    print("err", file=sys.stderr)
    if config.get("below"):
        (out / "below").mkdir()
        run_child(THIS, inputs, out / "below", config["below"], timeout_s=60, on_line=_say)
    ENDS[config["end"]]()


if __name__ == "__main__":
    main(run)
