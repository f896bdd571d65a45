"""What a float network's int8 form loses, and in which layer, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict.layer_blame import FINE_DB
from mlforge_tasks.yaml_file.units import format_share

if TYPE_CHECKING:
    from mlforge_tasks.verdict.layer_noise import Layers, Worst

# Below, no layer is more to blame than the others together.
MOST = 0.5


def told(found: Layers) -> str:
    """In which layer int8 loses most, or that it loses nothing."""
    if found.reason:
        return f"Where int8 loses what float had is not known: {found.reason}."
    if found.worst is not None:
        worst = found.worst
        return f"{lost(worst, found.dtype)}: {worst.why}. What to do: {worst.advice}."
    left = min(
        (one for one in (found.calibration_db, found.validation_db) if one is not None),
        default=None,
    )
    if left is None:
        return f"{found.dtype} gives just what the float network gives."
    return (
        f"{found.dtype} is fine: the network's output lies {left:.0f} dB above what {found.dtype} "
        f"changes of it; an error of a tenth is {FINE_DB:.0f} dB."
    )


def lost(worst: Worst, dtype: str) -> str:
    """The layer, and how much it costs beside the others."""
    where = f"{dtype} loses most in layer {worst.layer}"
    if worst.layer.partition(" ")[0] == "input":
        where = f"{dtype} loses most in the model's {worst.layer}"
    beside = ""
    if worst.others_db is not None:
        beside = f", with any other one alone {worst.others_db:.0f} dB or more"
    spread = ""
    if worst.share < MOST:
        spread = f", though it makes no more than {format_share(worst.share)} of the error"
    return (
        f"{where} (with it alone in {dtype} the network's output keeps {worst.alone_db:.0f} dB"
        f"{beside}){spread}"
    )
