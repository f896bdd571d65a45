"""Another version of the engine, measured by its own benchmark in the same run."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from benchmarks._engine_image import Result
from benchmarks._engine_run import LIMIT_S
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.board import Board

MEASURES = "benchmarks/_engine_image.py"
_SCRIPT = """\
import dataclasses, json, sys
from pathlib import Path
from benchmarks._engine_image import measure
from mlforge_tasks.contract.board import load_board
model, board, folder = sys.argv[1:]
result = measure(Path(model).read_bytes(), load_board(board), Path(folder))
print("\\n" + json.dumps(dataclasses.asdict(result)))
"""


def measure_with(project: Path, tflite: bytes, board: Board, folder: Path) -> Result:
    """What a model takes with another checkout of this project.

    Args:
        project: Its folder.
        tflite: The model.
        board: Where it runs.
        folder: An empty folder, which gets the image.

    Raises:
        ToolError: It does not come to an end, or its outputs differ from the oracle's.
    """
    model = folder / "model.tflite"
    model.write_bytes(tflite)
    # What Python runs by `-c` it imports from the folder that it is in.
    argv = [sys.executable, "-c", _SCRIPT, str(model), board.name, str(folder)]
    told = process.check(argv, timeout_s=LIMIT_S, cwd=project)
    return Result(**json.loads(told.splitlines()[-1]))
