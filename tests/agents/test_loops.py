"""The agents' count of the loops of a kernel against what the engine itself reckons with."""

from __future__ import annotations

from math import prod

import pytest

from mlforge_tasks.agents._loop_costs import INSTRUCTIONS
from mlforge_tasks.agents._loops import runs
from mlforge_tasks.architecture.figures import LayerFigures, StaticFigures
from mlforge_tasks.architecture.geometry import Window
from mlforge_tasks.engines._aot.depthwise_lanes import lanes_of
from mlforge_tasks.engines._aot.window import Axis

# A series is an image one row high. Images here are no turned ones, whose ring is another.
SERIES = [(1, 30, 40, 3, 1), (1, 28, 128, 5, 1), (1, 64, 16, 5, 2), (1, 32, 32, 3, 1)]
IMAGES = [(48, 48, 8, 3, 1), (48, 48, 16, 3, 2), (12, 12, 64, 3, 1), (6, 6, 128, 3, 2)]
MOST_OFF = 0.12


def _axis(size: int, kernel: int, stride: int) -> Axis:
    output = -(-size // stride)
    before = max((output - 1) * stride + kernel - size, 0) // 2
    return Axis(size, output, kernel, stride, 1, before)


@pytest.mark.parametrize("shape", [*SERIES, *IMAGES], ids=str)
def test_depthwise_layers_on_mve_are_foretold(shape: tuple[int, int, int, int, int]) -> None:
    """Instructions as the engine chooses by, which follow what QEMU counts."""
    height, width, channels, taps, stride = shape
    image = height > 1
    axes = (_axis(height, taps if image else 1, stride if image else 1), _axis(width, taps, stride))
    size = axes[0].output * axes[1].output * channels
    window = Window(
        kernel=(axes[0].kernel, taps),
        stride=stride,
        dilation=1,
        input=(axes[0].input, axes[1].input),
        output=(axes[0].output, axes[1].output),
        padded=True,
    )
    layer = LayerFigures(
        name="layer",
        operation="depthwise",
        macs=size * prod(window.kernel),
        reads=0,
        channels=channels,
        weight_bytes=channels * (prod(window.kernel) + 4),
        output_bytes=size,
        live_bytes=size + height * width * channels,
        inputs=(-1,),
        window=window,
    )
    figures = StaticFigures(
        parameters=0,
        macs=0,
        weight_bytes=0,
        peak_activation_bytes=0,
        input_bytes=0,
        layers=(layer,),
    )
    counted = runs(figures)
    foretold = sum(INSTRUCTIONS["mve"].get(loop, 0) * times for loop, times in counted.items())
    foretold -= INSTRUCTIONS["mve"]["operators"]
    lanes = lanes_of(*axes, channels)
    assert abs(foretold / lanes.cost(channels) - 1) < MOST_OFF
