"""Float against int8 layer by layer: where a loss of the model's figures happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.verdict.layer_blame import FINE_DB
from mlforge_tasks.verdict.layer_noise import LAYERS, Layers
from mlforge_tasks.verdict.layer_words import told
from mlforge_tasks.yaml_file.units import format_share

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.layer_noise import LayerNoise, Noise, Split

# Less is shown as 0 %.
LEAST_SHARE = 0.0005
# The end of the bars; beyond, there is no error that anybody would see.
FULL_DB = 60.0
# Of an unrolled loop, which may have a thousand, those that lose most.
MOST_BARS, MOST_ROWS = 40, 200


@dataclass(frozen=True)
class Bar:
    """A layer that has an error of its own.

    Attributes:
        name: Its name.
        ratio: What is left of the output with it alone in int8.
        fill: The same as a share of the bar.
        worst: Whether it is the one that loses most.
        cut_off: The share of its values that its range cuts off, where there are such.
    """

    name: str
    ratio: str
    fill: float
    worst: bool
    cut_off: str


def section(found: Found) -> Section | None:
    """Of the best candidate; nothing where it was not looked at."""
    folder = found.folder("layers")
    if folder is None or not (folder / LAYERS).is_file():
        return None
    layers = Layers.read(folder / LAYERS)
    split = shown(layers)
    own = [one for one in layers.layers if one.on(split).alone_db is not None]
    kept = _lowest(own, split)
    body = fill(
        "layers.html",
        layers=layers,
        told=told(layers),
        split=split,
        bars=[_bar(one, layers, split) for one in own if one.name in kept],
        left_out=len(own) - len(kept),
        fine=FINE_DB / FULL_DB,
        fine_db=FINE_DB,
        rows=[_row(one) for one in layers.layers[:MOST_ROWS]],
        more=len(layers.layers) - MOST_ROWS,
    )
    return Section("layers", f"Float against {layers.dtype}, layer by layer", body)


def shown(layers: Layers) -> Split:
    """The split on which it loses more."""
    if layers.worst is not None:
        return layers.worst.split
    calibration, validation = layers.calibration_db, layers.validation_db
    if validation is None or (calibration is not None and calibration < validation):
        return "calibration"
    return "validation"


def _lowest(own: list[LayerNoise], split: Split) -> set[str]:
    order = sorted(own, key=lambda one: one.on(split).alone_db or 0.0)
    return {one.name for one in order[:MOST_BARS]}


def _bar(layer: LayerNoise, layers: Layers, split: Split) -> Bar:
    noise = layer.on(split)
    ratio = noise.alone_db or 0.0
    beyond = noise.below + noise.above
    return Bar(
        name=layer.name,
        ratio=f"{ratio:.1f} dB",
        fill=min(max(ratio / FULL_DB, 0.0), 1.0),
        worst=layers.worst is not None and layers.worst.layer == layer.name,
        cut_off=format_share(beyond) if beyond >= LEAST_SHARE else "",
    )


def _row(layer: LayerNoise) -> tuple[str, ...]:
    noises = layer.calibration, layer.validation
    return (
        layer.name,
        layer.op,
        *(_db(getattr(one, name)) for one in noises for name in ("snr_db", "own_db", "alone_db")),
        _range(layer),
        _used(layer),
        *(format_share(one.below + one.above) for one in noises),
        _channel(layer),
        _weights(layer),
    )


def _db(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}"


def _range(layer: LayerNoise) -> str:
    if layer.range_low is None or layer.range_high is None:
        return "float"
    return f"{layer.range_low:.4g} to {layer.range_high:.4g}"


def _used(layer: LayerNoise) -> str:
    """How much of its range values of either split reach."""
    if layer.range_low is None or layer.range_high is None:
        return ""
    noises: tuple[Noise, ...] = (layer.calibration, layer.validation)
    low = max(min(one.low for one in noises), layer.range_low)
    high = min(max(one.high for one in noises), layer.range_high)
    return format_share(max(high - low, 0.0) / (layer.range_high - layer.range_low))


def _channel(layer: LayerNoise) -> str:
    if layer.channel is None or layer.channel_ratio is None:
        return ""
    return f"{layer.channel}: {layer.channel_ratio:.3g}x"


def _weights(layer: LayerNoise) -> str:
    if layer.weight_channel is not None and layer.weight_channel_db is not None:
        return f"{layer.weight_channel}: {layer.weight_channel_db:.1f} dB"
    return ""
