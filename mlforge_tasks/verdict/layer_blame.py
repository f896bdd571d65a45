"""Which layer an int8 model's loss is from, and why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from mlforge_tasks.verdict.layer_noise import Worst
from mlforge_tasks.yaml_file.units import format_share

if TYPE_CHECKING:
    from mlforge_tasks.quantisation import EndType
    from mlforge_tasks.verdict.layer_noise import Cause, LayerNoise, Layers, Split

# An output whose error is a tenth of it, which a metric feels.
FINE_DB = 20.0
# Three of eight bits are lost to a channel that reaches so much less far than another.
WIDE_CHANNEL = 8.0
# More than half of an error's power is what it comes from.
_HALF = 0.5

_NORMALISE = "put a BatchNormalization behind it, which brings its channels to one size"
_WIDER = "`search: {activations: int16}` keeps 16 bits of each value"


class Told(NamedTuple):
    """What else decides whether, and where, int8 is to blame.

    Attributes:
        large: Whether the goal's figure changed by more than the contract takes for granted.
        wider: Whether the contract could ask for int16 activations and does not.
        brought: Whether the ranges are those of a file that was brought along.
        anomalies: Whether the validation split has examples that are meant to be unlike those that
            set the ranges: what these cut off of them is no loss unless the figure says so.
    """

    large: bool
    wider: bool
    brought: bool
    anomalies: bool


def blamed(found: Layers, told: Told) -> Worst | None:
    """The layer whose own error spoils the output most; None where int8 is fine.

    Args:
        found: What is known of the layers.
        told: See there.
    """
    ratios = {"calibration": found.calibration_db, "validation": found.validation_db}
    left = {name: math.inf if one is None else one for name, one in ratios.items()}
    if told.anomalies and not told.large:
        left["validation"] = math.inf
    split: Split = "validation" if left["validation"] < left["calibration"] else "calibration"
    if left[split] >= FINE_DB and not told.large:
        return None
    layers, dtype = found.layers, found.dtype
    powers = [_power(one.on(split).alone_db) for one in layers]
    if not any(powers):
        return None
    order = sorted(range(len(layers)), key=lambda at: -powers[at])
    worst = layers[order[0]]
    others = layers[order[1]].on(split).alone_db if len(order) > 1 else None
    cause = cause_of(worst)
    advice = _advice(worst, cause, brought=told.brought)
    if told.wider and cause in {"channels", "outliers", "steps"}:
        advice = f"{advice}; or {_WIDER}" if advice else _WIDER
    return Worst(
        layer=worst.name,
        split=split,
        alone_db=worst.on(split).alone_db or 0.0,
        others_db=others,
        share=round(powers[order[0]] / math.fsum(powers), 4),
        cause=cause,
        why=_why(worst, cause, split, dtype),
        advice=advice or "see which of its values need finer steps than it has",
    )


def _power(ratio_db: float | None) -> float:
    """The noise's share of the signal."""
    return 0.0 if ratio_db is None else 10 ** (-ratio_db / 10)


def cause_of(layer: LayerNoise) -> Cause:
    """What most of a layer's own error comes from."""
    if layer.cut_off_share >= _HALF:
        return "cut off"
    if layer.weights_share >= _HALF:
        return "weights"
    if layer.channel_ratio is not None and layer.channel_ratio >= WIDE_CHANNEL:
        return "channels"
    return "outliers" if layer.outlying else "steps"


def _why(layer: LayerNoise, cause: Cause, split: Split, dtype: EndType) -> str:
    noise = layer.on(split)
    if cause == "cut off":
        beyond = noise.below + noise.above
        return (
            f"it is saturated: {format_share(beyond)} of its {split} values lie beyond its range, "
            f"{_span(layer.range_low, layer.range_high)}, and are cut off; they reach "
            f"{_span(noise.low, noise.high)}"
        )
    if cause == "weights":
        return f"its weights are too coarse in int8{_of_channel(layer)}"
    if cause == "channels":
        what = "feature" if layer.op == "INPUT" else "channel"
        return (
            f"one {dtype} range serves all its {what}s, and {what} {layer.channel} reaches "
            f"{layer.channel_ratio:.3g} times as far as the median one: few steps are left for "
            "the others"
        )
    if cause == "outliers":
        return (
            f"its range, {_span(layer.range_low, layer.range_high)}, is that of a few values far "
            "beyond all others, for which few steps are left"
        )
    return f"what comes behind it needs finer steps than {dtype} gives its values"


def _of_channel(layer: LayerNoise) -> str:
    ratio = layer.weight_ratio
    if layer.weight_channel is None or layer.weight_channel_db is None:
        return ""
    told = f": those of output channel {layer.weight_channel} keep {layer.weight_channel_db:.0f} dB"
    if ratio is not None and ratio >= WIDE_CHANNEL:
        told += f"; its channels' weights differ {ratio:.3g} times in size"
    return told


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4g} to {high:.4g}"


def _advice(layer: LayerNoise, cause: Cause, *, brought: bool) -> str:
    if cause == "cut off" and brought:
        return "quantise the file anew with calibration examples of all that occurs"
    if cause == "cut off":
        return (
            "take more calibration examples (`dataset.calibration.count`), or of a last layer the "
            "range of the targets (`dataset.calibration: {output_range: targets}`)"
        )
    if cause == "weights":
        return (
            "bring what the layer before it gives to one size, as a BatchNormalization in front of "
            "it does, so that its weights are of one size, too"
        )
    if layer.op == "INPUT" and cause in {"channels", "outliers"}:
        return "bring the features to one size, and outliers of the data set within bounds"
    if cause == "channels":
        return _NORMALISE
    return "an activation with an upper end (relu6) keeps such values out" * (cause == "outliers")
