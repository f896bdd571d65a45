"""Fails as its configuration says, another way each time it is tried."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `done.txt`; `ways` says how each try ends, and `tries`, a file, which one this is."""
    tries = Path(config["tries"])
    before = tries.read_text() if tries.exists() else ""
    tries.write_text(before + "x")
    assert not list(out.iterdir())
    (out / "done.txt").write_text("done")
    way = config["ways"][len(before)]
    if way == "full":
        Path("/dev/full").write_text("x")
    elif way == "memory":
        raise MemoryError
    elif way == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif way == "in TensorFlow":
        raise RuntimeError("save failed: /tmp/x; No space left on device")
    elif way != "well":
        raise CandidateFailure(Reason(code=way, stage="fall", message=config.get("says", "so")))


if __name__ == "__main__":
    main(run)
