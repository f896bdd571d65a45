"""Recurrent layers of a Keras model as steps one after the other, which the converter can bring.

A loop over time becomes a graph of its own in a `.tflite`, which nothing here quantises or runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlforge_tasks.stages._keras import Libraries

# Each step is code of its own, and takes the converter about as long as a layer.
MOST_STEPS = 64
_UNROLLABLE = ("LSTM", "GRU", "SimpleRNN")


class LoopError(Exception):
    """A layer that stays a loop; says which, and what to do."""


def unroll(libraries: Libraries, model: Any) -> tuple[str, ...]:
    """Has every recurrent layer run its steps one by one; weights and outputs stay.

    Returns:
        What was done, for the user.

    Raises:
        LoopError: A layer has too many steps, or an open number, or is of another kind.
    """
    done = []
    for layer in model._flatten_layers():  # noqa: SLF001 - the only way to those within wrappers
        if not isinstance(layer, libraries.keras.layers.RNN) or layer.unroll:
            continue
        kind = type(layer).__name__
        steps = layer.get_build_config()["input_shape"][1]
        told = f"layer '{layer.name}' ({kind})"
        if kind not in _UNROLLABLE:
            raise LoopError(f"{told} is a loop over time, which does not become int8; use LSTM")
        if steps is None or steps > MOST_STEPS:
            many = "any number of" if steps is None else steps
            raise LoopError(
                f"{told} is a loop over {many} steps, which does not become int8 unless it is "
                f"unrolled, and each step is code then: give it {MOST_STEPS} steps or fewer (a "
                "shorter window, or strides in a Conv1D before it), or use Conv1D over time"
            )
        layer.unroll = True
        done.append(f"its {told} was unrolled over {steps} steps")
    return tuple(done)
