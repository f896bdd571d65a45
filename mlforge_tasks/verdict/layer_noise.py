"""Where an int8 model departs from its float network, layer by layer; `layers.json`."""

from __future__ import annotations

from typing import Literal

from mlforge_tasks.quantisation import EndType
from mlforge_tasks.records import Record

LAYERS = "layers.json"
Split = Literal["calibration", "validation"]
# What most of a layer's own error comes from.
Cause = Literal["cut off", "weights", "channels", "outliers", "steps"]


class Noise(Record):
    """What int8 makes of a layer on one split; ratios in dB, None where there is no error at all.

    Each is `10 log10(sum(signal^2) / sum((int8 - signal)^2))`, the signal-to-quantisation-noise
    ratio, within -60 and 120 dB.

    Attributes:
        snr_db: Its output in the int8 model against that in the float network, with the error of
            all layers before it.
        own_db: Its int8 output against what the float layer makes of the same int8 inputs: the
            error that this layer adds.
        alone_db: The float network's output against the same with this layer's own error in it:
            what would be left of the output were this layer alone in int8; of several outputs the
            worst. None, too, where it could not be asked.
        low: The least that the float network has there.
        high: The most.
        below: The share of those values that its type's range cuts off at its low end.
        above: At its high end.
    """

    snr_db: float | None
    own_db: float | None
    alone_db: float | None
    low: float
    high: float
    below: float
    above: float


class LayerNoise(Record):
    """A layer.

    Attributes:
        name: As in `profile.json`; `input` of what the model is given.
        op: The operator of TensorFlow Lite; `INPUT`.
        calibration: On examples that set the ranges.
        validation: On examples of the split that the search reads.
        range_low: The least that its type can say; None of a layer in float.
        range_high: The most.
        cut_off_share: Of what its own error brings to the output, what its range cuts off.
        weights_share: Of that, what rounded weights make; 0 where the float weights are not known.
        outlying: Whether its values reach more than 30 times as far as their root mean square.
        channel: Of its output, the channel that reaches furthest; None where it has one alone.
        channel_ratio: How many times as far as the median channel.
        weight_channel: Of its weights, the output channel that loses most; None without weights,
            or where they are known in int8 alone.
        weight_channel_db: The signal-to-noise ratio of that channel's weights.
        weight_ratio: The largest weight of the largest channel over that of the smallest that is
            not 0; None without weights.
    """

    name: str
    op: str
    calibration: Noise
    validation: Noise
    range_low: float | None
    range_high: float | None
    cut_off_share: float = 0.0
    weights_share: float = 0.0
    outlying: bool = False
    channel: int | None = None
    channel_ratio: float | None = None
    weight_channel: int | None = None
    weight_channel_db: float | None = None
    weight_ratio: float | None = None

    def on(self, split: Split) -> Noise:
        """What it is on a split."""
        return self.calibration if split == "calibration" else self.validation


class Worst(Record):
    """The layer in which int8 loses most.

    Attributes:
        layer: Its name.
        split: Where.
        alone_db: See `Noise`.
        others_db: The same of the layer that comes next; None where no other has an error.
        share: Of the errors that all layers bring to the output, each alone, this one's.
        cause: What its own error is made of.
        why: The same in words.
        advice: What to do.
    """

    layer: str
    split: Split
    alone_db: float
    others_db: float | None
    share: float
    cause: Cause
    why: str
    advice: str


class Layers(Record):
    """Float against int8, per layer, of a search's best candidate.

    Attributes:
        candidate: Which; None where there is none.
        reason: Why nothing is known of its layers; empty where it is.
        dtype: The type of its output.
        weights_known: Of how many constants the float network's own values are in the comparison.
        weights: How many there are; of the others the int8 values stand in, so that what rounding
            them costs is not seen.
        why_weights: Why they are not all known; empty where they are.
        calibration_examples: How many were run.
        validation_examples: How many were run.
        calibration_db: The int8 model's output against the float network's; of several the worst;
            None where they are equal, or not known.
        validation_db: The same.
        layers: In the order they run.
        worst: None where int8 is fine.
    """

    candidate: str | None
    reason: str = ""
    dtype: EndType = "int8"
    weights_known: int = 0
    weights: int = 0
    why_weights: str = ""
    calibration_examples: int = 0
    validation_examples: int = 0
    calibration_db: float | None = None
    validation_db: float | None = None
    layers: tuple[LayerNoise, ...] = ()
    worst: Worst | None = None

    def for_reason(self, why: str) -> Layers:
        """The same, of which nothing is known."""
        return self.model_copy(update={"reason": why})
