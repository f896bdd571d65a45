"""floor: the firmware without a model, which is the least that any model's firmware takes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlforge_tasks import plugins
from mlforge_tasks.contract.board import Board
from mlforge_tasks.graph import product
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.stages import main
from mlforge_tasks.stages.firmware import firmware_id, periodic_thread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.platforms import Platform

NO_MODEL_FOLDER = "zephyr_app/no_model"
NO_MODEL = product.path(NO_MODEL_FOLDER)
NO_ENGINE = "none"


def kind(platform: Platform, board: Board, toolchain: Toolchain) -> StageKind:
    """What builds it depends on the platform, and through its tools on board and compiler."""
    return StageKind(
        __name__,
        ("firmware.json",),
        loads=(plugins.module("platforms", platform.name),),
        resources=(NO_MODEL_FOLDER, *platform.resources),
        tools=functools.partial(platform.tool_versions, board, toolchain),
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Writes `firmware.elf`, `firmware.bin`, `firmware.map` and `firmware.json`.

    Args:
        inputs: Nothing.
        out: Output folder.
        config: `platform`, `board`, `toolchain`, `mlperf`; `marker`, for a meter; any
            `periodic_thread`.

    Raises:
        CandidateFailure: Not even this fits the board's memory.
        ToolError: The compiler is missing or refuses the sources.
    """
    board = Board.from_dump(config["board"])
    platform: Platform = plugins.load("platforms", config["platform"])
    request = BuildRequest(
        board=board,
        header=NO_MODEL,
        engine=NO_MODEL,
        engine_name=NO_ENGINE,
        firmware_id=firmware_id(NO_MODEL, NO_MODEL, config),
        toolchain=config["toolchain"],
        mlperf=config["mlperf"],
        marker=config.get("marker", False),
        periodic=periodic_thread(config),
    )
    platform.build(request, out).write(out / "firmware.json")


if __name__ == "__main__":
    main(run)
