"""A failure that a shortage could look like counts only when it comes twice, and there is room."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import room, shortage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlforge_tasks.records import Reason

# A program died, gave up, or was refused something; no figure and no limit says why.
SUSPECT = {"convert_failed", "unusable_model", "train_memory", "fault", "truncated_console"}
MEMORY_LIMIT = "train_memory"


def settled(attempt: Callable[[], Reason | None], places: Iterable[Path]) -> Reason | None:
    """What an attempt comes to, beyond doubt.

    Args:
        attempt: Does the work; the reason where the candidate failed. Called again where a machine
            that ran short would have given the same.
        places: Folders that it writes to, beside the one for temporary files.

    Raises:
        ToolError: The machine is short of something, or two attempts failed in different ways.
    """
    reason = attempt()
    if reason is None or reason.code not in SUSPECT or _computed(reason):
        return reason
    places = (*places, Path(tempfile.gettempdir()))
    _require_room(reason, places)
    again = attempt()
    if again is None:
        return None
    if again.code != reason.code:
        raise ToolError(
            f"it failed in two ways: {reason.code} ({reason.message}), then {again.code} "
            f"({again.message})",
            hint="run the same command again",
        )
    _require_room(again, places)
    return again


def _computed(reason: Reason) -> bool:
    """Whether a figure says why: a training that was not begun, since it needs more memory."""
    return reason.code == MEMORY_LIMIT and reason.value is not None


def _require_room(reason: Reason, places: Iterable[Path]) -> None:
    """Refuses a failure that may be the machine's.

    Raises:
        ToolError: There is no room, or the failure speaks of a shortage itself.
    """
    needed = reason.limit if reason.code == MEMORY_LIMIT else None
    short = shortage.told(reason.message) if needed is None else None
    short = short or room.shortage(places, memory_bytes=needed)
    if short is not None:
        raise ToolError(
            f"{reason.message}; that says nothing of the candidate here: {short}",
            hint=shortage.HINT,
        )
