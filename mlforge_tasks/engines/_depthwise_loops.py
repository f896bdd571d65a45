"""How often the loops of depthwise kernels run, by the kernels that a core gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import depthwise, depthwise_mve, depthwise_planes
from mlforge_tasks.engines._aot.outline import axes

if TYPE_CHECKING:
    from mlforge_tasks.architecture.geometry import Window
    from mlforge_tasks.engines._aot.depthwise_lanes import Lanes

_FOUR = 4


def _inputs(channels: int) -> str:
    """Pixels that are copied one by one, or where there is but one channel, by lines."""
    return "copied_inputs" if channels > 1 else "copied_alone"


def portable_depthwise(window: Window, channels: int) -> dict[str, int]:
    """Of the kernels that take one plane at a time, four outputs and then one.

    Args:
        window: The layer's.
        channels: Of its input and output.
    """
    plane = depthwise.plane_of("portable", *axes(window), 1, 1)
    across, along = plane.across, plane.along
    lines, taps = channels * across.output, across.kernel * along.kernel
    fixed = {
        "planes": channels,
        "copied_lines": channels * across.input,
        _inputs(channels): channels * across.input * along.input,
    }
    if along.stride == along.dilation == 1 and along.kernel == 3 and along.output >= _FOUR:
        fours = lines * -(-along.output // _FOUR)
        if across.kernel == 3:
            return fixed | {"filtered_3x3": fours, "lines_of_3x3": lines}
        return fixed | {"filtered_threes": fours * across.kernel}
    fours, singles = (lines * each for each in divmod(along.output, _FOUR))
    return fixed | {
        "filtered_four_taps": fours * taps,
        "filtered_four_outputs": fours,
        "filtered_one_taps": singles * taps,
        "filtered_one_outputs": singles,
    }


def dsp_depthwise(window: Window, channels: int) -> dict[str, int]:
    """How often the loops of the DSP kernel run that a depthwise layer gets, by their names.

    Of kernels without a filter of their own, and of that of four channels at a time, it is about
    what all of it takes.

    Args:
        window: The layer's.
        channels: Of its input and output.
    """
    height, width = axes(window)
    words = depthwise.in_words(height, width, channels)
    if words is not None:
        return {"words": words.cost}
    plane = depthwise.plane_of("dsp", height, width, channels, channels)
    if plane.by is None:
        return {"any_planes": channels * plane.cost}
    across, along, by = plane.across, plane.along, plane.by
    blocks = channels * across.output * -(-along.output // by.outputs)
    lines, (fours, pixels) = channels * across.input, divmod(along.input, 4)
    copied = {"copied_lines": lines, _inputs(channels): lines * along.input}
    if plane.four:
        lines //= depthwise_planes.CHANNELS
        copied = {"four_lines": lines, "four_fours": lines * fours, "four_pixels": lines * pixels}
    return copied | {
        "planes": channels,
        "plane_lines": channels * across.output,
        f"blocks_of_{by.outputs}": blocks,
        f"block_lines_of_{by.taps}_by_{by.outputs}": blocks * across.kernel,
    }


def _lanes(lanes: Lanes, channels: int) -> dict[str, int]:
    across, along = lanes.across, lanes.along
    blocks, columns = -(-channels // 8), -(-channels // 16)
    if lanes.is_sum:
        return {"lane_sums": blocks, "lane_sum_taps": blocks * across.kernel * along.kernel}
    kernel = lanes.kernel.removeprefix("aot_").removesuffix("_s8")
    pairs, runs = blocks * across.output * -(-along.output // 2), across.kernel * lanes.runs
    loaded = max(across.reach, across.input) if lanes.whole else across.reach
    found = {
        f"{kernel}_pairs": pairs,
        "lane_rows": columns * loaded,
        "lane_columns": columns * loaded * along.input,
        "lane_made_rows": blocks * across.output,
        "lane_bands": columns * across.output // lanes.band,
    }
    if kernel == "lanes":
        found |= {"lane_runs": pairs * runs, "lane_taps": pairs * runs * lanes.run}
    return found


def mve_depthwise(window: Window, channels: int) -> dict[str, int]:
    """Of the kernels that have channels in the lanes of a vector, or neighbouring outputs.

    Args:
        window: The layer's.
        channels: Of its input and output.
    """
    way = depthwise_mve.way_of(*axes(window), channels, channels)
    if way is None:
        return {}
    if not isinstance(way, depthwise_mve.Plane):
        return _lanes(way, channels)
    bands = -(-way.rows // way.band)
    eights = channels * bands * -(-way.band * way.columns // 8)
    return {
        "planes": channels,
        "gathered_eights": channels * -(-way.along.input // 8) * (way.across.input + 1),
        "plane_eights": eights,
        "plane_vectors": eights * way.room,
    }
