"""Where the training of a network that is a head alone starts: at the least squares' solution.

Adam would take thousands of steps to what one matrix gives exactly. The training goes on from
there, by the loss of the goal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets import _linear

if TYPE_CHECKING:
    from mlforge_tasks.stages._trainer import Split


def start(model: Any, train: Split, validation: Split) -> bool:
    """Sets the weights of a linear network.

    Args:
        model: The Keras network.
        train: What it learns from.
        validation: What tells how much the weights are held back.

    Returns:
        Whether it is one that learns targets, of few enough inputs; else nothing was done.
    """
    head = _only_head(model)
    if head is None or train.learned is None or validation.learned is None:
        return False
    found = _linear.fit(train.inputs, train.learned, validation.inputs, validation.learned)
    if found is None:
        return False
    head.set_weights([found.weights.astype(np.float32), found.offset.astype(np.float32)])
    return True


def _only_head(model: Any) -> Any:
    """The linear layer that is all of a network but for what gives its input another shape."""
    layers = [one for one in model.layers if one.weights]
    others = {type(one).__name__ for one in model.layers if not one.weights}
    if len(layers) != 1 or not others <= {"InputLayer", "Flatten"}:
        return None
    (head,) = layers
    linear = type(head).__name__ == "Dense" and head.activation.__name__ == "linear"
    return head if linear and head.use_bias else None
