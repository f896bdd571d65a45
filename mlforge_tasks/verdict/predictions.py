"""What the int8 model gave for each example of a split, beside what that comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split


def predictions_file(split: Split) -> str:
    """Its name in the folder of stage `evaluate`."""
    return f"predictions_{split}.npy"


PREDICTIONS = (predictions_file("validation"), predictions_file("test"))


def read_predictions(folder: Path, split: Split) -> NDArray[Any]:
    """What stage `evaluate` left of a split, in the order of its examples.

    Returns:
        The outputs that are judged, in the device's own steps: int8 or int16 [N, outputs]; for
        anomaly the score of each example instead, int64 [N], as `model_score` tells it.
    """
    import numpy as np  # noqa: PLC0415 - the graph imports this module's names

    found: NDArray[Any] = np.load(folder / predictions_file(split))
    return found
