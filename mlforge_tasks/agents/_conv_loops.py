"""How often the loops of convolutions' kernels run, by the kernels that a core gets."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from mlforge_tasks.engines._foretold import conv_rows_of, runs_of, windows_inside

if TYPE_CHECKING:
    from mlforge_tasks.architecture.figures import LayerFigures
    from mlforge_tasks.architecture.geometry import Window
    from mlforge_tasks.engines._aot.conv_rows import Rows

Loops: TypeAlias = dict[str, int]

# Windows that packing kernels take at a time, and bytes of a vector.
WINDOWS, VECTOR = 4, 16
# Outputs that MVE's kernels finish at a time.
OUTPUTS = 8
# MVE keeps the weights of so narrow a window in registers, and packs so many bytes at a time.
NARROW_VECTORS, _NARROW_ROOM_BYTES = 4, 1024
# Of a run of taps, in one trip of a loop; and from how many on DSP kernels pack runs one by one.
_TRIP, _LONG_RUN = 16, 32
# Bytes of a piece from which on it is copied by a function of the C library.
_LONG_PIECE = 8


def ceil(value: int, divisor: int) -> int:
    """A quotient, rounded up."""
    return -(-value // divisor)


def round_up(value: int, multiple: int) -> int:
    """The next multiple, if it is none."""
    return ceil(value, multiple) * multiple


def taps(layer: LayerFigures) -> int:
    """Multiply-accumulates of one output."""
    return layer.macs // max(layer.output_bytes, 1)


def _gathered(layer: LayerFigures, window: Window, count: int) -> Loops:
    """Of so many windows that are copied piece by piece: short ones are written out."""
    pieces, all_taps = _pieces(window), taps(layer)
    copied = count if all_taps >= _LONG_PIECE * pieces else 0
    return {
        "gathered_windows": count,
        "filled_taps": count * all_taps,
        "gathered_pieces": (count - copied) * pieces,
        "copied_pieces": copied * pieces,
        "copied_taps": copied * all_taps,
    }


def _pieces(window: Window) -> int:
    """Of a window, which are copied one by one: its rows, or its taps where they are apart."""
    height, width = window.kernel
    return height * width if window.dilation > 1 else height


def trips(run: int) -> int:
    """Of loops over a run: sixteen taps at a time, four, and one."""
    return run // _TRIP + run % _TRIP // 4 + run % 4


def portable(layer: LayerFigures, window: Window) -> Loops:
    """Of windows in pairs, with four channels at a time and then one."""
    runs, run = runs_of(window, taps(layer) // prod(window.kernel))
    inside = prod(windows_inside(window)) if runs else 0
    count = prod(window.output)
    gathered = count - inside
    fours, singles = divmod(layer.channels, 4)
    found: Counter[str] = Counter(
        layers=1,
        windows=count,
        **_gathered(layer, window, gathered),
    )
    for windows, pieces, length in ((inside, runs, run), (gathered, 1, taps(layer))):
        for name, times in zip(("pair", "window"), divmod(windows, 2), strict=True):
            found[f"{name}_four_macs"] += times * fours * pieces * length
            found[f"{name}_four_trips"] += times * fours * pieces * trips(length)
            found[f"{name}_four_runs"] += times * fours * pieces
            found[f"{name}_fours"] += times * fours
            found[f"{name}_single_macs"] += times * singles * pieces * length
            found[f"{name}_singles"] += times * singles
    return found


def _near(layer: LayerFigures, window: Window) -> int:
    """Windows that DSP kernels pack by a table, four at a time and about those of one row."""
    kernel_rows, width = window.kernel[0], window.output[1]
    run = taps(layer) // kernel_rows
    if kernel_rows == 1 or run >= _LONG_RUN or run % 4 == 0:
        return 0
    rows, inside = windows_inside(window)
    before = (width - inside + 1) // 2  # those at the border, which the first groups begin with
    return rows * max(inside - -before % WINDOWS, 0)


def dsp(layer: LayerFigures, window: Window) -> Loops:
    """Of four windows that are packed, with pairs of channels."""
    count, pairs, packed = prod(window.output), ceil(layer.channels, 2), round_up(taps(layer), 4)
    fours, singles = divmod(count, WINDOWS)
    runs = window.kernel[0]
    run = taps(layer) // runs
    inside = prod(windows_inside(window))
    if window.dilation > 1 and window.kernel[1] > 1:
        inside = 0
    near = _near(layer, window) if inside else 0
    alone = count - near
    contiguous = prod(window.kernel) == 1 and window.input == window.output
    tails = packed // _TRIP + packed % _TRIP // 4
    return {
        "layers": 1,
        "four_windows_macs": fours * pairs * packed,
        "four_windows_trips": fours * pairs * tails,
        "four_windows_outputs": fours * pairs,
        "four_windows": fours,
        "one_window_macs": singles * ceil(pairs, 2) * packed,
        "one_window_trips": singles * ceil(pairs, 2) * tails,
        "one_window_pairs": singles * ceil(pairs, 2),
        "one_window_outputs": singles * layer.channels,
        "walked_windows": 0 if contiguous else count,
        "packed_windows": alone,
        "packed_runs": alone * runs,
        "packed_trips": alone * runs * (run // _TRIP + run % _TRIP // 4),
        "packed_words": alone * runs * (run // 4),
        "packed_bytes": alone * runs * (run % 4),
        "near_words": near * runs * (run // 4) // WINDOWS,
        "near_fours": near * ceil(runs * (run % 4), 4) // WINDOWS,
        "near_groups": ceil(near, WINDOWS),
        **_gathered(layer, window, count - inside),
    }


def _in_rows(layer: LayerFigures, window: Window, rows: Rows) -> Loops:
    """Of windows that lie in a ring of rows."""
    height, width = window.output
    eights = layer.channels * height * ceil(width, OUTPUTS)
    segments = eights * window.kernel[0] * rows.vectors * len(rows.segments.starts)
    loaded = rows.height.reach * rows.vectors * rows.streams
    return {
        "layers": 1,
        "rows": height,
        "row_channels": layer.channels * height,
        "row_outputs": eights,
        "row_segments": segments if rows.streams == 1 else 0,
        "row_halves": segments if rows.streams > 1 else 0,
        "row_streams": loaded,
        "row_loads": rows.height.input * rows.vectors * rows.width.input,
    }


def mve(layer: LayerFigures, window: Window) -> Loops:
    """Of windows in rows, of narrow ones, and of four at a time or one."""
    channels = taps(layer) // prod(window.kernel)
    rows = conv_rows_of(window, channels, layer.channels)
    if rows is not None:
        return _in_rows(layer, window, rows)
    count, vectors = prod(window.output), ceil(taps(layer), VECTOR)
    direct = prod(window.kernel) == 1 and window.input == window.output
    if direct and taps(layer) % VECTOR == 0:
        return {"layers": 1, **_dots(layer, count, vectors)}
    runs = window.kernel[0]
    narrow = vectors <= NARROW_VECTORS and count >= OUTPUTS
    group = _NARROW_ROOM_BYTES // (VECTOR * vectors) // OUTPUTS * OUTPUTS if narrow else WINDOWS
    found = Counter(
        layers=1,
        packed_windows=count,
        packed_pieces=count * _pieces(window),
        packed_vectors=count * runs * ceil(taps(layer), runs * VECTOR),
        border_windows=count - prod(windows_inside(window)),
        apart_windows=count if _pieces(window) > runs else 0,
        groups=ceil(count, group),
    )
    for times, windows in ((count // group, group), (1, count % group)):
        for name, value in _dots(layer, windows, vectors).items():
            found[name] += times * value
    return found


def _dots(layer: LayerFigures, count: int, vectors: int) -> Loops:
    """Inner products of so many windows that lie one behind the other."""
    if vectors <= NARROW_VECTORS and count >= OUTPUTS:
        eights = layer.channels * ceil(count, OUTPUTS)
        return {
            "narrow_channels": layer.channels,
            "narrow_vectors": eights * vectors,
            "narrow_outputs": eights,
        }
    (fours, singles), pairs = divmod(count, WINDOWS), ceil(layer.channels, 2)
    blocks = ceil(layer.channels, 4)
    return {
        "four_windows_vectors": fours * pairs * vectors,
        "four_windows_outputs": fours * pairs,
        "one_window_vectors": singles * blocks * vectors,
        "one_window_blocks": singles * blocks,
        "one_windows": singles,
    }
