"""What filters the planes of depthwise layers on DSP cores, and what that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.fixed_point import INT8_MIN

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.window import Axis

CHANNELS = 4
"""Whose planes are copied at a time."""
# Where four planes take no more than this, or than that part of the input; a plane alone may be of
# any size.
_ROOM_BYTES, _ROOM_OF_INPUT = 512, 8
# A filter reads this far behind a plane, and behind the weights.
BEYOND_BYTES = 1
# As AOT_MOST_LINES of the kernels.
_MOST_LINES = 8
# Instructions, measured in QEMU on Cortex-M4: of a line of output, of an input line copied into one
# plane and into four, of its pixels, in fours and alone.
_LINE = 24
_LINE_OF_ONE, _PIXEL_OF_ONE = 20, 3
_LINE_OF_FOUR, _FOUR_PIXELS, _PIXEL_OF_FOUR, _FOUR_CHANNELS = 32, 24, 13, 60


@dataclass(frozen=True)
class Filter:
    """What makes the outputs of one plane.

    Attributes:
        header: Where it is declared.
        name: What the names of its functions begin with.
        taps: Of a line of weights; those beyond the kernel's are zeros.
        outputs: Made at a time; the last ones of a line may be made twice.
        fixed: Instructions for so many outputs.
        line: The same for each line of weights.
        channel: Instructions for each channel.
    """

    header: str
    name: str
    taps: int
    outputs: int
    fixed: int
    line: int
    channel: int

    def function(self, zero_point: int) -> str:
        """That for an output's zero point; there is one for what is behind a ReLU."""
        return f"{self.name}_relu_s8" if zero_point == INT8_MIN else f"{self.name}_s8"


_PAIRS = Filter("aot_depthwise_3x3_s8.h", "aot_filter_pairs_3x3", 3, 2, 16, 7, 85)
_THREE = Filter("aot_depthwise_lines_s8.h", "aot_filter_fours_3", 3, 4, 48, 18, 90)
_FIVE = Filter("aot_depthwise_lines_s8.h", "aot_filter_fours_5", 5, 4, 48, 26, 90)


def filter_of(across: Axis, along: Axis) -> Filter | None:
    """The filter for channels of the fast form; None where there is none.

    Args:
        across: From line to line of the plane.
        along: Along a line.
    """
    if along.stride > 1 or along.dilation > 1:
        return None
    if (across.kernel, along.kernel) == (3, 3) and along.output > 1:
        return _PAIRS
    if across.kernel > _MOST_LINES or along.output < _THREE.outputs or along.kernel < 2:
        return None
    if along.kernel > _FIVE.taps:
        return None
    return _THREE if along.kernel <= _THREE.taps else _FIVE


def copies_four(room_bytes: int, channels: int, input_bytes: int) -> bool:
    """Whether four channels are copied at a time, where each makes one of the output.

    Args:
        room_bytes: Of a plane, with what is read behind it.
        channels: Of the input.
        input_bytes: All of it.
    """
    most = max(_ROOM_BYTES, input_bytes // _ROOM_OF_INPUT)
    return channels >= CHANNELS and CHANNELS * room_bytes <= most


def _copying(across: Axis, along: Axis, *, four: bool) -> int:
    """Instructions for one channel."""
    if not four:
        return across.input * (_LINE_OF_ONE + _PIXEL_OF_ONE * along.input)
    fours, single = divmod(along.input, 4)
    line = _LINE_OF_FOUR + _FOUR_PIXELS * fours + _PIXEL_OF_FOUR * single
    return (across.input * line + _FOUR_CHANNELS) // CHANNELS


def cost(by: Filter, across: Axis, along: Axis, *, four: bool) -> int:
    """About how many instructions a channel takes that makes one of the output.

    Args:
        by: Its filter.
        across: From line to line of the plane.
        along: Along a line.
        four: Whether four channels are copied at a time.
    """
    blocks = -(-along.output // by.outputs)
    made = across.output * (blocks * (by.fixed + by.line * across.kernel) + _LINE)
    return made + by.channel + _copying(across, along, four=four)
