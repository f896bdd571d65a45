"""What an Ethos-U takes of a design, in its cycles, and which operators it is known to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.figures import LayerFigures
    from mlforge_tasks.architecture.geometry import Window

# Guess of a clock, of those from 200 MHz to 1 GHz in Arm's vela.ini; what was compiled tells.
CYCLE_US = 1e6 / 500e6
# Least-squares fit to the cycles that vela 5.2 counts for 20 random networks of our spaces (digits,
# a watch, words, a day of glucose) on U55-128, U65-256 and U85-256 with Shared_Sram and flash,
# rounded: any network (its softmax is most of it), a convolution's multiply-accumulates over those
# of a cycle, a depthwise one's, a byte of a convolution's weights, of a dense layer's. Root mean
# square error: 23 %. An operator on the CPU takes what no latency limit of an NPU leaves.
CYCLES = (5500.0, 0.3, 28.0, 1.2, 1.9, 5e7)
DEVIATIONS = (0.3, 0.5, 0.4, 0.3, 0.3, 0.1)
COMMON, ERROR = 0.4, 0.1
# Of U55 and U65, in vela's words "Unsupported kernel stride"; where no window reaches beyond the
# input it splits them.
_MOST_STRIDE = 3
_ANY_STRIDE = "ethos-u85"


def units(figures: StaticFigures, accelerator: str) -> list[float]:
    """How many units of each of the above a network has.

    Args:
        figures: Of the network.
        accelerator: What runs it (`ethos-u55-128`).
    """
    layers = figures.layers
    macs_per_cycle = int(accelerator.rpartition("-")[2])
    conv = [one for one in layers if one.operation == "conv"]
    depthwise = [one for one in layers if one.operation == "depthwise"]
    return [
        1.0,
        sum(one.macs for one in conv) / macs_per_cycle,
        sum(one.macs for one in depthwise) / macs_per_cycle,
        float(sum(one.weight_bytes for one in (*conv, *depthwise))),
        float(sum(one.weight_bytes for one in layers if one.operation == "dense")),
        float(sum(_is_left(one, accelerator) for one in layers)),
    ]


def _is_left(layer: LayerFigures, accelerator: str) -> bool:
    """Whether an operator is known to be left to the CPU."""
    window = layer.window
    if window is None or accelerator.startswith(_ANY_STRIDE) or layer.operation != "conv":
        return False
    return window.stride > _MOST_STRIDE and window.padded and _reaches_beyond(window)


def _reaches_beyond(window: Window) -> bool:
    """Whether windows are wider than the input, all together; along a row taps may be apart."""
    spans = (window.kernel[0], (window.kernel[1] - 1) * window.dilation + 1)
    sides = zip(window.output, spans, window.input, strict=True)
    return any((windows - 1) * window.stride + span > size for windows, span, size in sides)
