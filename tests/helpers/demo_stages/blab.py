"""A stage that tells its secret in every way there is, and then breaks, fails or ends well."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `said.json`.

    Args:
        inputs: None.
        out: Output folder.
        config: `secret`, the variable's name, and `end`.
    """
    secret = os.environ[config["secret"]]
    escaped = "".join(f"\\u{ord(one):04x}" for one in secret)
    (out / "said.json").write_text(json.dumps({"plain": secret, "escaped": escaped}))
    print("line", secret, flush=True)
    ends = {
        "broken": ToolError(f"it said {secret}"),
        "failed": CandidateFailure(Reason(code="fault", stage="blab", message=escaped)),
        "crashed": RuntimeError(secret),
    }
    if config["end"] in ends:
        raise ends[config["end"]]


if __name__ == "__main__":
    main(run)
