"""How rows of some data become examples: for a contract to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.datasets._column import Column
    from mlforge_tasks.datasets._look import Look

# Recordings that are all as long as one another, and no longer, are examples as they are.
MOST_ROWS = 512
# Of sound, and of whatever is measured as often, some rows say nothing: an example is so long.
_FAST_S, _HEARD_S = 1 / 4000, 0.25
# A recording without gaps, but for a few.
_MOSTLY_WHOLE = 0.9
# As many recordings as there are splits, or some have none of a label.
_FEWEST = 3


def alone(label: Column | None) -> bool:
    """Whether a label is in too few recordings for each split to have some of each."""
    return label is not None and label.recordings < _FEWEST


def first_window(
    found: Look, time: Column | None, told: Column | None, wide: Column | None
) -> dict[str, int] | None:
    """How rows become examples: none where each row is one, as of images.

    Args:
        found: The data.
        time: When rows were measured.
        told: The class, or a value of whole recordings; None where what comes next is foretold.
        wide: An array that is the only input.
    """
    whole = found.rows / max(1, found.recordings)
    if (wide is not None and len(wide.axes) > 1) or whole < 2:
        return None
    gaps = time is not None and 0 < time.stretch < whole * _MOSTLY_WHOLE
    gapless = time.stretch / 2 if time and gaps else whole
    heard = _heard_rows(time)
    if told is not None:
        return _of_what_stays(found, told, time, min(heard or 64, gapless))
    if time is None and found.recordings == 1:
        return None
    return {"length": _within(heard or 16, whole // 2, gapless), "horizon": 1}


def _of_what_stays(
    found: Look, told: Column, time: Column | None, most: float
) -> dict[str, int] | None:
    """Windows in which a class, or a value of whole recordings, is the same."""
    whole, same = found.rows / found.recordings, found.length or 0
    if told.whole:
        length = _within(same or whole, MOST_ROWS)
        return {"length": length, "stride": length}
    enough = not alone(told) or found.recordings >= _FEWEST * len(told.values)
    if 0 < same <= MOST_ROWS and told.runs >= same and enough:
        return {"length": same, "stride": same}
    if time is None and min(told.runs, whole) < 8:
        return None
    # A tenth of a label's rows, so that each split has some examples.
    tenth = found.rows / len(told.values) / 10 if alone(told) else whole
    length = _within(most, told.runs, whole, tenth)
    return {"length": length, "stride": max(1, length // 2)}


def _within(*rows: float) -> int:
    return max(2, int(min(rows)))


def _heard_rows(time: Column | None) -> int | None:
    """Rows of an example of sound; None where it is none."""
    step_s = time.interval_s if time else None
    return None if step_s is None or step_s > _FAST_S else round(_HEARD_S / step_s)
