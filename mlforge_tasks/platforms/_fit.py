"""An image that is too large for its board, whichever platform linked it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph import shortage
from mlforge_tasks.records import Reason
from mlforge_tasks.yaml_file.units import format_against

if TYPE_CHECKING:
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.graph.process import Completed


def ended_by_itself(done: Completed) -> bool:
    """Whether a linker came to its end, so that what it says of sizes is the whole image's."""
    return done.returncode > 0 and not done.timed_out and shortage.told(done.output) is None


def does_not_fit(board: Board, region: str, excess_bytes: int) -> CandidateFailure:
    """The result that it is.

    Args:
        board: What the image is for.
        region: `FLASH` or `RAM`, as the linker names it.
        excess_bytes: By how much it is too large.
    """
    flash, ram = board.memories()
    limit = (flash if region == "FLASH" else ram).length_bytes
    metric = "flash_bytes" if region == "FLASH" else "ram_bytes"
    value = limit + excess_bytes
    needed, there = format_against(value, limit, "B")
    text = f"the image needs {needed} of {region}, {board.name} has {there}"
    return CandidateFailure(
        Reason(
            code="does_not_fit",
            stage="firmware",
            message=text,
            metric=metric,
            value=value,
            limit=limit,
        )
    )
