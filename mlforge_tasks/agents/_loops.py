"""What the latency of a network is taken as a sum of: the loops of the `aot` engine's kernels.

Each operator runs one kernel, and how often each of its loops runs follows from the operator's
shape; `_loop_costs` has what one round of each loop takes. Scalar cores, with DSP instructions or
without, and those with MVE have other kernels, so each counts its own loops.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING

from mlforge_tasks.agents import _conv_loops
from mlforge_tasks.agents._conv_loops import VECTOR, ceil, round_up, taps, trips
from mlforge_tasks.agents._loop_costs import LOOPS
from mlforge_tasks.engines._depthwise_loops import dsp_depthwise, mve_depthwise, portable_depthwise
from mlforge_tasks.engines._ran_layers import MOVED_ROWS, Ran

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlforge_tasks.agents._conv_loops import Loops
    from mlforge_tasks.agents._loop_costs import Kernels
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.architecture.figures import LayerFigures
    from mlforge_tasks.architecture.geometry import Window

_CONVOLUTION: Mapping[Kernels, Callable[[LayerFigures, Window], Loops]] = {
    "portable": _conv_loops.portable,
    "dsp": _conv_loops.dsp,
    "mve": _conv_loops.mve,
}
_DEPTHWISE: Mapping[Kernels, Callable[[Window, int], Loops]] = {
    "portable": portable_depthwise,
    "dsp": dsp_depthwise,
    "mve": mve_depthwise,
}


def _depthwise(layer: LayerFigures, window: Window, kernels: Kernels) -> Loops:
    loops = _DEPTHWISE[kernels](window, layer.channels)
    found = {f"{kernels}_depthwise_{name}": times for name, times in loops.items()}
    return {"depthwise_layers": 1, **found}


def _convolution(layer: LayerFigures, window: Window, kernels: Kernels) -> Loops:
    loops = _CONVOLUTION[kernels](layer, window)
    return {f"{kernels}_{name}": times for name, times in loops.items()}


def _pooling(layer: LayerFigures, window: Window) -> Loops:
    """Four channels at a time with DSP instructions, and then one; a vector of them on MVE."""
    count = prod(window.output)
    fours, singles = divmod(layer.output_bytes // max(count, 1), 4)
    vectors = count * ceil(4 * fours + singles, VECTOR)
    return {
        "pools": 1,
        "pooled_windows": count,
        "averages": layer.output_bytes if layer.name.startswith("average") else 0,
        "portable_pooled": layer.output_bytes,
        "portable_pooled_inputs": layer.reads,
        "dsp_pooled_fours": count * fours,
        "dsp_pooled_words": count * fours * prod(window.kernel),
        "dsp_pooled_singles": count * singles,
        "dsp_pooled_inputs": count * singles * prod(window.kernel),
        "mve_pooled": vectors,
        "mve_pooled_vectors": vectors * prod(window.kernel),
    }


def _dense(layer: LayerFigures) -> Loops:
    """Four channels at a time and then one; two pairs of them; or four."""
    fours, singles = divmod(layer.channels, 4)
    blocks, packed = ceil(layer.channels, 4), round_up(taps(layer), 4)
    return {
        "dense_layers": 1,
        "portable_dense_fours": fours,
        "portable_dense_four_macs": fours * taps(layer),
        "portable_dense_four_trips": fours * trips(taps(layer)),
        "portable_dense_singles": singles,
        "portable_dense_single_macs": singles * taps(layer),
        "dsp_dense_blocks": blocks,
        "dsp_dense_macs": blocks * packed,
        "dsp_dense_trips": blocks * (packed // 16 + packed % 16 // 4),
        "dsp_dense_outputs": layer.channels,
        "dsp_dense_packed": packed,
        "mve_dense_blocks": blocks,
        "mve_dense_vectors": blocks * ceil(taps(layer), VECTOR),
        "mve_dense_packed": int(taps(layer) % VECTOR > 0),
    }


def _added(count: int) -> Loops:
    """Eight elements at a time on MVE."""
    return {
        "sums": 1,
        "portable_added": count,
        "dsp_added": count,
        "mve_added_eights": count // 8,
        "mve_added_alone": count % 8,
    }


def _elementwise(layer: LayerFigures) -> Loops:
    if layer.name == MOVED_ROWS:
        return {"moves": 1, "moved": layer.reads}
    if len(layer.inputs) > 1:
        return _added(layer.output_bytes)
    if layer.name == "softmax":
        return {"softmax": 1, "exponentials": layer.reads}
    return {"maps": 1, "mapped": layer.reads}


def _without_window(layer: LayerFigures) -> Loops:
    if layer.operation == "dense":
        return _dense(layer)
    if layer.operation == "distance":
        return {"distance_macs": layer.macs, "distances": layer.macs // layer.output_bytes}
    if layer.operation == "pool":
        return {"means": 1, "mean_inputs": layer.reads, "mean_outputs": layer.output_bytes}
    return _elementwise(layer)


def _of_layer(layer: LayerFigures, kernels: Kernels) -> Loops:
    if layer.window is None:
        return _without_window(layer)
    if layer.operation == "pool":
        return _pooling(layer, layer.window)
    if layer.operation == "depthwise":
        return _depthwise(layer, layer.window, kernels)
    return _convolution(layer, layer.window, kernels)


def kernels_run(figures: StaticFigures) -> int:
    """How many operators take a kernel: a distance is computed by the application."""
    return sum(layer.operation != "distance" for layer in figures.layers)


def striped_runs(striped: Iterable[Ran], kernels: Kernels) -> Counter[str]:
    """How often each loop runs in what runs, whose first layers do so in stripes."""
    found: Counter[str] = Counter()
    for one in striped:
        for loop, times in _of_layer(one.layer, kernels).items():
            found[loop] += times * one.times
    return found


def runs(figures: StaticFigures, kernels: Kernels) -> Counter[str]:
    """How often each loop of a core's kernels runs."""
    return striped_runs(map(Ran, figures.layers), kernels)


def counts(
    figures: StaticFigures, kernels: Kernels, striped: Iterable[Ran] | None = None
) -> list[int]:
    """How often each of `LOOPS` runs.

    Args:
        figures: Of the network.
        kernels: Of the core.
        striped: What runs, where its first layers do so in stripes.
    """
    found = runs(figures, kernels) if striped is None else striped_runs(striped, kernels)
    return [found[loop] for loop in LOOPS[kernels]]
