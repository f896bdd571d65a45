"""What the latency of a network is taken as a sum of: the loops of the `aot` engine's kernels.

Each operator runs one kernel, and how often each of its loops runs follows from the operator's
shape; `_loop_costs` has what one round of each loop takes. Scalar cores (with DSP instructions or
without) and those with MVE have other kernels, so each counts its own loops.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from mlforge_tasks.agents._loop_costs import LOOPS
from mlforge_tasks.engines._foretold import dsp_depthwise, lines_of, mve_depthwise

if TYPE_CHECKING:
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.figures import LayerFigures
    from mlforge_tasks.architecture.geometry import Window

Loops: TypeAlias = dict[str, int]

# Windows that the kernels of convolutions take at a time, bytes of a vector, and outputs that MVE's
# kernels finish at a time.
WINDOWS, VECTOR, OUTPUTS = 4, 16, 8
# MVE keeps the weights of so narrow a window in registers.
NARROW_VECTORS = 4


def _ceil(value: int, divisor: int) -> int:
    return -(-value // divisor)


def round_up(value: int, multiple: int) -> int:
    """The next multiple, if it is none."""
    return _ceil(value, multiple) * multiple


def taps(layer: LayerFigures) -> int:
    """Multiply-accumulates of one output."""
    return layer.macs // max(layer.output_bytes, 1)


def _at_the_border(window: Window) -> int:
    """Windows that reach beyond the input, where it is padded."""
    inside = 1
    for kernel, output in zip(window.kernel, window.output, strict=True):
        beyond = (kernel - 1) * window.dilation + 1 - window.stride if kernel > 1 else 0
        inside *= max(output - _ceil(max(beyond, 0), window.stride), 0)
    return prod(window.output) - inside


def in_rows(layer: LayerFigures, window: Window) -> bool:
    """Whether MVE filters rows where they lie, see `conv_rows` of the engine."""
    wide = window.stride == 1 and window.kernel[1] > 1
    wide = wide or (window.stride, window.kernel[1]) == (2, 3)
    channels = taps(layer) // prod(window.kernel)
    full = channels % VECTOR == 0 or channels % VECTOR >= VECTOR * 3 // 4
    return wide and full and window.dilation == 1 and window.output[1] >= OUTPUTS


def reads_in_place(layer: LayerFigures, window: Window) -> bool:
    """Whether MVE takes windows as they lie in the input, without packing them."""
    return prod(window.kernel) == window.stride == 1 and taps(layer) % VECTOR == 0


def _pieces(window: Window) -> int:
    """Of a window, which are copied one by one: its rows, or its taps where they are apart."""
    height, width = window.kernel
    return height * width if window.dilation > 1 else height


def _scalar_convolution(layer: LayerFigures, window: Window) -> Loops:
    count = prod(window.output)
    fours, singles = divmod(count, WINDOWS)
    pairs = _ceil(layer.channels, 2)
    packed = round_up(taps(layer), 4)
    gathered, inside = _at_the_border(window), 0
    if window.dilation > 1 and window.kernel[1] > 1:
        inside = count - gathered
    if inside and window.kernel[0] > 1:  # else windows of one row lie in runs
        gathered, inside = count, 0
    return {
        "four_windows_macs": fours * pairs * packed,
        "four_windows_outputs": fours * layer.channels,
        "one_window_macs": singles * pairs * packed,
        "one_window_outputs": singles * layer.channels,
        "packed_taps": count * packed,
        "packed_rows": count * window.kernel[0],
        "gathered_taps": gathered * packed,
        "gathered_pieces": gathered * _pieces(window),
        "apart_windows": inside,
        "apart_taps": inside * packed,
        "apart_pieces": inside * _pieces(window),
    }


def _mve_convolution(layer: LayerFigures, window: Window) -> Loops:
    count, channels = prod(window.output), layer.channels
    vectors = _ceil(taps(layer), VECTOR)
    (rows, width), (kernel_rows, kernel_width) = window.output, window.kernel
    if in_rows(layer, window):
        deep = _ceil(taps(layer), prod(window.kernel) * VECTOR)
        eights = channels * rows * _ceil(width, OUTPUTS)
        return {
            "row_segments": eights * kernel_rows * deep * _ceil(kernel_width, 3),
            "row_outputs": eights,
            "row_loads": rows * width * window.stride**2 * deep,
        }
    packing = {
        "mve_packed_vectors": count * kernel_rows * _ceil(taps(layer), kernel_rows * VECTOR),
        "mve_packed_pieces": count * _pieces(window),
        "mve_packed_windows": count,
        "mve_border_windows": _at_the_border(window),
        "mve_apart_windows": count if _pieces(window) > kernel_rows else 0,
    }
    dots = _narrow(count, channels, vectors) or _wide(count, channels, vectors)
    return dots if reads_in_place(layer, window) else packing | dots


def _narrow(count: int, channels: int, vectors: int) -> Loops | None:
    if vectors > NARROW_VECTORS or count < OUTPUTS:
        return None
    eights = channels * _ceil(count, OUTPUTS)
    return {"narrow_vectors": eights * vectors, "narrow_outputs": eights}


def _wide(count: int, channels: int, vectors: int) -> Loops:
    (fours, singles), pairs = divmod(count, WINDOWS), _ceil(channels, 2)
    return {
        "mve_four_windows_vectors": fours * pairs * vectors,
        "mve_four_windows_outputs": fours * pairs,
        "mve_one_window_vectors": singles * pairs * vectors,
        "mve_one_window_outputs": singles * channels,
    }


def _scalar_depthwise(layer: LayerFigures, window: Window) -> Loops:
    across, along = lines_of(window)
    rows, width, channels = across.output, along.output, layer.channels
    fixed = {"planes": channels, "plane_inputs": channels * rows * width * _inputs(window)}
    if along.stride == along.dilation == 1 and along.kernel == 3 and width >= WINDOWS:
        fours = channels * rows * _ceil(width, WINDOWS)
        if across.kernel == 3:
            return fixed | {"filtered_3x3": fours}
        return fixed | {"filtered_threes": fours * across.kernel}
    fours, singles = (channels * rows * each for each in divmod(width, WINDOWS))
    return fixed | {
        "filtered_four_taps": fours * prod(window.kernel),
        "filtered_four_outputs": fours,
        "filtered_one_taps": singles * prod(window.kernel),
        "filtered_one_outputs": singles,
    }


def _dsp_depthwise(layer: LayerFigures, window: Window) -> Loops:
    """What the engine chooses between its kernels by, in instructions."""
    name, cost = dsp_depthwise(window, layer.channels)
    return {f"dsp_{name}": cost}


def _inputs(window: Window) -> int:
    """Elements of the input for each of the output; a series has one row."""
    return window.stride ** (2 if window.kernel[0] > 1 else 1)


def _mve_depthwise(layer: LayerFigures, window: Window) -> Loops:
    """What the engine chooses between its kernels by, in instructions."""
    name, cost = mve_depthwise(window, layer.channels)
    return {f"mve_{name}": cost}


def _pooling(layer: LayerFigures, window: Window) -> Loops:
    count = prod(window.output)
    channels = layer.output_bytes // max(count, 1)
    return {
        "pooled_windows": count,
        "pooled_inputs": layer.reads,
        "pooled_words": count * _ceil(channels, 4) * prod(window.kernel),
        "mve_pooled_vectors": count * _ceil(channels, VECTOR) * prod(window.kernel),
    }


def _dense(layer: LayerFigures) -> Loops:
    """Four channels at a time and then one, or pairs of them."""
    pairs, packed = _ceil(layer.channels, 2), round_up(taps(layer), 4)
    fours, singles = divmod(layer.channels, 4)
    return {
        "dense_layers": 1,
        "dense_fours": fours,
        "dense_four_macs": fours * taps(layer),
        "dense_singles": singles,
        "dense_single_macs": singles * taps(layer),
        "dense_pairs": pairs,
        "dense_pair_macs": pairs * packed,
        "dense_packed": packed,
        "mve_dense_vectors": pairs * _ceil(taps(layer), VECTOR),
        "mve_dense_packed": int(taps(layer) % VECTOR > 0),
    }


def _without_window(layer: LayerFigures) -> Loops:
    if layer.operation == "dense":
        return _dense(layer)
    if layer.operation == "distance":
        return {"distance_macs": layer.macs, "distances": layer.macs // layer.output_bytes}
    if layer.operation == "pool":
        return {"mean_inputs": layer.reads, "mean_outputs": layer.output_bytes}
    if len(layer.inputs) > 1:
        return {"added": layer.output_bytes}
    return {"exponentials" if layer.name == "softmax" else "mapped": layer.reads}


def _of_layer(layer: LayerFigures) -> Loops:
    if layer.window is None:
        return _without_window(layer)
    if layer.operation == "pool":
        return _pooling(layer, layer.window)
    if layer.operation == "depthwise":
        dsp = _dsp_depthwise(layer, layer.window)
        return _scalar_depthwise(layer, layer.window) | dsp | _mve_depthwise(layer, layer.window)
    return _scalar_convolution(layer, layer.window) | _mve_convolution(layer, layer.window)


def kernels_run(figures: StaticFigures) -> int:
    """How many operators take a kernel: a distance is computed by the application."""
    return sum(layer.operation != "distance" for layer in figures.layers)


def runs(figures: StaticFigures) -> Counter[str]:
    """How often each loop runs, on either kind of core."""
    found = Counter(operators=kernels_run(figures))
    for layer in figures.layers:
        found.update(_of_layer(layer))
    return found


def counts(figures: StaticFigures) -> list[int]:
    """How often each of `LOOPS` runs."""
    found = runs(figures)
    return [found[loop] for loop in LOOPS]
