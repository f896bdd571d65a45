"""A float network's own constants, found in the file that is quantised from it.

The converter folds and fuses before it quantises, so a float file of the same network has the same
constants; each is known by being within half a step of the int8 one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.stages._layer_tensors import Constant
    from mlforge_tasks.stages._layer_twins import Twins

# Half a step, and what float32 makes of it.
_NEAR = 0.5 * (1 + 1e-3)
_SLACK = 1e-6


def own_weights(twins: Twins, content: bytes) -> Mapping[int, NDArray[np.float32]]:
    """What constants of an int8 model are in its float network, by tensor.

    Args:
        twins: Of the model.
        content: The float network's file.
    """
    known = [
        (one.name, np.frombuffer(one.data, np.float32).reshape(one.shape))
        for one in read(content).main.tensors
        if one.data is not None and one.dtype == "float32"
    ]
    found = {}
    for at, constant in twins.constants.items():
        name = twins.graph.tensors[at].name
        near = [
            (called != name, float(np.abs(values - constant.values).max(initial=0)), values)
            for called, values in known
            if values.shape == constant.values.shape and _is_near(values, constant)
        ]
        if near:
            found[at] = min(near, key=lambda one: one[:2])[2]
    return found


def _is_near(values: NDArray[np.float32], constant: Constant) -> bool:
    off = np.abs(values.astype(np.float64) - constant.values)
    slack = _SLACK * np.abs(constant.values)
    return bool((off <= _NEAR * constant.step + slack).all())
