"""What was added up of an int8 model's layers, as records."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from mlforge_tasks.quantisation import JoinedInputs
from mlforge_tasks.stages._layer_sums import ratio_db
from mlforge_tasks.stages._layer_tensors import channel_axis, range_of
from mlforge_tasks.verdict.layer_noise import LayerNoise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.quantisation import Quantisation
    from mlforge_tasks.stages._layer_sums import Sums
    from mlforge_tasks.stages._layer_twins import Layer, Twins
    from mlforge_tasks.verdict.layer_noise import Noise, Split

    Weights = Mapping[int, NDArray[np.float32]]

INPUT, INPUT_OP = "input", "INPUT"
# What is spread normally reaches 3 to 5 times as far as its root mean square.
_OUTLYING = 30.0


class _Channels(TypedDict):
    outlying: bool
    channel: int | None
    channel_ratio: float | None


class _OfWeights(TypedDict, total=False):
    weight_channel: int | None
    weight_channel_db: float | None
    weight_ratio: float | None


def table(
    twins: Twins, sums: Mapping[Split, Sums], known: Weights, described: Quantisation
) -> tuple[LayerNoise, ...]:
    """Inputs and layers in the order they run.

    Args:
        twins: Of the model.
        sums: By split.
        known: The float network's own constants.
        described: The model.
    """
    end = described.input
    names = [one.name for one in end.parts] if isinstance(end, JoinedInputs) else [""]
    inputs = [(f"{INPUT} {one}".strip(), INPUT_OP) for one in names]
    count = len(inputs)
    made = [
        _row(twins, sums, at, (name, op), tensor)
        for at, ((name, op), tensor) in enumerate(zip(inputs, twins.graph.inputs, strict=True))
    ]
    for at, layer in enumerate(twins.layers, count):
        row = _row(twins, sums, at, (layer.name, layer.op), layer.outputs[0])
        made.append(row.model_copy(update=dict(_of_weights(twins, layer, known))))
    return tuple(made)


def _row(
    twins: Twins, sums: Mapping[Split, Sums], at: int, called: tuple[str, str], tensor: int
) -> LayerNoise:
    calibration, validation = sums["calibration"], sums["validation"]
    noises = calibration.noise(at), validation.noise(at)
    told = validation if _left(noises[1]) < _left(noises[0]) else calibration
    low, high = range_of(twins.graph.tensors[tensor]) or (None, None)
    cut_off, weights = told.shares(at)
    return LayerNoise(
        name=called[0],
        op=called[1],
        calibration=noises[0],
        validation=noises[1],
        range_low=low,
        range_high=high,
        cut_off_share=cut_off,
        weights_share=weights,
        **_channels(*told.reach(at)),
    )


def _left(noise: Noise) -> float:
    """The lower, the more it loses."""
    return math.inf if noise.alone_db is None else noise.alone_db


def _channels(size: float, reach: NDArray[Any]) -> _Channels:
    alive = reach[reach > 0]
    several = alive.size > 1
    return {
        "outlying": bool(size and reach.max() > _OUTLYING * size),
        "channel": int(reach.argmax()) if several else None,
        "channel_ratio": _short(reach.max() / np.median(alive)) if several else None,
    }


def _of_weights(twins: Twins, layer: Layer, known: Weights) -> _OfWeights:
    if layer.weights is None:
        return {}
    constant = twins.constants.get(layer.weights)
    if constant is None:
        return {}
    axis = channel_axis(layer.op, constant.values.ndim)
    int8 = np.moveaxis(constant.values.astype(np.float64), axis, 0)
    int8 = int8.reshape(len(int8), -1)
    sizes = np.abs(int8).max(axis=1)
    alive = sizes[sizes > 0]
    told = _OfWeights(weight_ratio=_short(alive.max() / alive.min()) if alive.size else None)
    own = known.get(layer.weights)
    if own is not None:
        real = np.moveaxis(own.astype(np.float64), axis, 0).reshape(int8.shape)
        signal, noise = (real**2).sum(axis=1), ((int8 - real) ** 2).sum(axis=1)
        ratios = [ratio_db(*one) for one in zip(signal.tolist(), noise.tolist(), strict=True)]
        worst = min(
            (one for one in zip(ratios, range(len(ratios)), strict=True) if one[0] is not None),
            default=None,
        )
        if worst is not None:
            told["weight_channel_db"], told["weight_channel"] = worst
    return told


def _short(value: float) -> float:
    return float(f"{value:.5g}")
