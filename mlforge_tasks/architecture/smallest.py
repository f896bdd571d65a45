"""The smallest networks there are for an input: what they miss, every other one misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.architecture.convolution import Conv1D, Conv2D
from mlforge_tasks.architecture.layers import (
    Architecture,
    Dense,
    Flatten,
    GlobalAveragePool,
    KMeans,
    Layer,
)

if TYPE_CHECKING:
    from mlforge_tasks.architecture.geometry import Shape
    from mlforge_tasks.architecture.graph import Task

LONGEST_STRIDE = 16


def linear_model(input_shape: Shape) -> Architecture:
    """The network that is a head alone, on every value of an input.

    Args:
        input_shape: Shape of one input, without the batch axis.
    """
    return Architecture(layers=() if len(input_shape) == 1 else (Flatten(),))


def smallest(input_shape: Shape, task: Task) -> tuple[Architecture, ...]:
    """One network of each kind of first operator; none has an operator or a weight to spare.

    They read the whole input at once, sum it up, or leave most of it out. To tell anomalies there
    is no network in what is smaller than all of them: a single centroid.

    Args:
        input_shape: Shape of one input, without the batch axis.
        task: What it is for.
    """
    if task == "anomaly":
        return (Architecture(layers=(KMeans(clusters=1),)),)
    if len(input_shape) == 1:
        return (linear_model(input_shape), Architecture(layers=(Dense(units=1),)))
    sides = list(input_shape[:-1])
    strided: list[Layer] = []
    while max(sides) > 1:
        stride = min(LONGEST_STRIDE, max(sides))
        strided.append(
            Conv1D(filters=1, kernel=1, stride=stride)
            if len(sides) == 1
            else Conv2D(filters=1, kernel=(1, 1), stride=stride)
        )
        sides = [-(-side // stride) for side in sides]
    return (
        Architecture(layers=(*strided, Flatten())),
        linear_model(input_shape),
        Architecture(layers=(GlobalAveragePool(),)),
    )
