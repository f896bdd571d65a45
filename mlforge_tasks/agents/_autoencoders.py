"""What tells what is not normal: networks that reconstruct their input, and centroids."""

from __future__ import annotations

import functools
from math import prod
from typing import TYPE_CHECKING

from mlforge_tasks.agents._choices import FAMILY, Choice, Option, Space
from mlforge_tasks.architecture import Conv1D, Conv2D, Dense, Flatten, KMeans, Layer, Score, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping


def autoencoders(input_shape: Shape, score: Score | None) -> Space:
    """Centroids, and networks that have to say an input in at most half as many numbers.

    Without a hidden layer a network is the linear one: as many principal components.

    Args:
        input_shape: Shape of one input, without the batch axis.
        score: Of which of the two kinds; None for both.
    """
    codes = tuple(code for code in (1, 2, 3, 4, 8, 16, 32) if 2 * code <= prod(input_shape))
    families: tuple[Option, ...] = () if score == "reconstruction" else ("k_means",)
    if score != "distance":
        families += ("dense",) if len(input_shape) == 1 else ("dense", "conv")
    return Space(
        choices=(
            Choice(FAMILY, families, ordered=False),
            Choice("clusters", (1, 2, 4, 8, 16, 32, 64, 128)),
            Choice("hidden", (0, 1, 2, 4)),
            Choice("width", (8, 16, 32, 64, 128)),
            Choice("code", codes or (1,)),
            Choice("activation", ("relu", "tanh"), ordered=False),
        ),
        build=functools.partial(_build, input_shape),
    )


def _build(input_shape: Shape, options: Mapping[str, Option]) -> tuple[Layer, ...]:
    if options[FAMILY] == "k_means":
        return (KMeans(clusters=int(options["clusters"])),)
    hidden, is_series = int(options["hidden"]), len(input_shape) == 2
    fields = {"units": options["width"], "activation": options["activation"]}
    widen = [Dense.model_validate(fields)] * hidden
    narrow: list[Layer] = [*widen]
    if options[FAMILY] == "conv":
        fields = {"filters": options["width"], "activation": options["activation"], "stride": 2}
        kernel = {"kernel": 3 if is_series else (3, 3)}
        narrow = [(Conv1D if is_series else Conv2D).model_validate(fields | kernel)] * hidden
    flat: list[Layer] = [] if len(input_shape) == 1 else [Flatten()]
    before = [*narrow, *flat] if options[FAMILY] == "conv" else [*flat, *narrow]
    code = Dense(units=int(options["code"]), activation="linear")
    return (*before, code, *widen)
