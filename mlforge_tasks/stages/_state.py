"""What a model file that was brought along keeps from one inference to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.kept import keeping
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from mlforge_tasks.contract.state import State

# It is given all steps at once, which is what a window is for.
_OF_WINDOWS = {"UNIDIRECTIONAL_SEQUENCE_LSTM"}


class NoStateError(ValueError):
    """A contract has a state kept that a model does not have."""


def of_state(content: bytes, wanted: State) -> tuple[bool, tuple[str, ...]]:
    """Whether a model keeps its state from one example to the next, and what is to be told.

    Args:
        content: The file.
        wanted: What the contract says.

    Raises:
        NoStateError: It is to keep one, and has none.
        DamagedError: It is no model, or not a whole one.
    """
    found = keeping(read(content).main)
    if wanted == "kept" and not found:
        raise NoStateError("it keeps nothing from one example to the next: leave `state: kept` out")
    if wanted == "kept" or set(found) <= _OF_WINDOWS:
        return wanted == "kept", ()
    text = (
        f"it keeps a state ({', '.join(found)}), and each example begins without: with `search: "
        "{state: kept}` it goes on from one to the next"
    )
    return False, (text,)
