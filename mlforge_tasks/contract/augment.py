"""The `training.augment` section: how training examples are varied, anew in each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake
from mlforge_tasks.yaml_file.units import Share

if TYPE_CHECKING:
    from collections.abc import Iterator

Positive = Annotated[int, Field(strict=True, ge=1, le=100_000)]
Part = Annotated[Share, Field(gt=0, lt=1)]
# Axes of an example, its features included.
SERIES, IMAGE = 2, 3
_NEEDS = {
    "shift": (SERIES, IMAGE),
    "time_warp": (SERIES,),
    "flip": (IMAGE,),
    "crop": (IMAGE,),
}
_WHAT = {SERIES: "a series", IMAGE: "an image"}


class Mask(Record):
    """What is hidden of an example, as SpecAugment does with spectrograms (arXiv:1904.08779).

    Attributes:
        rows: At most so many neighbouring rows of a series.
        features: At most so many neighbouring features.
    """

    rows: Positive | None = None
    features: Positive | None = None


class Augment(Record):
    """How training examples are varied. All of it works on normalised inputs.

    Attributes:
        noise: Deviation of the noise that is added to each value, in normalised units.
        scale: An example is multiplied by a factor that is at most so far from 1.
        shift: An example is moved by at most so many rows, or pixels; its edge goes on.
        time_warp: A series runs at most so much faster or slower around its middle.
        mask: What is set to 0, which is the mean where the scaling is `standard`.
        flip: An image is mirrored in half of all cases.
        crop: An image loses at most so much of each side, and is stretched to its size again.
    """

    noise: Annotated[float, Field(gt=0, le=10)] | None = None
    scale: Part | None = None
    shift: Positive | None = None
    time_warp: Part | None = None
    mask: Mask | None = None
    flip: Literal["horizontal", "vertical", "both"] | None = None
    crop: Part | None = None

    def mistakes(self, shape: tuple[int, ...]) -> Iterator[Mistake]:
        """What of it cannot be done to examples of a shape.

        Args:
            shape: Shape of one example, features last.
        """
        axes = len(shape)
        for key, wanted in _NEEDS.items():
            if getattr(self, key) is not None and axes not in wanted:
                kinds = " or ".join(_WHAT[one] for one in wanted)
                found = f"examples of {list(shape)}"
                yield Mistake(f"{key} for {kinds} only", at=("augment", key), found=found)
        if self.mask is not None and self.mask.rows is not None and axes != SERIES:
            found = f"examples of {list(shape)}"
            yield Mistake("rows of a series only", at=("augment", "mask", "rows"), found=found)
