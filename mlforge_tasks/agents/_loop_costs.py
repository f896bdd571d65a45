"""What one round of each loop of the `aot` engine's kernels takes, as it was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Kernels: TypeAlias = Literal["portable", "dsp", "mve"]

# Instructions of one round of each loop. Least-squares fits to what each layer of 44 random
# networks of our spaces took in the profile image of each kind of core (glucose, a watch, digits;
# Cortex-M3, M4 and M55); where those say little, near what the kernels' code suggests, within about
# 50 %. Two digits are kept. Root mean square error of a network's sum: 2.3, 3.5 and 3.1 %.
# Depthwise layers of MVE in lanes are those of benchmarks/depthwise.md.
# Inner products with DSP instructions were rewritten since; theirs are counted in the code.
# Dense layers of M55 and pooling of M4 are from benchmarks/engine.py's layers since then.
# Distances from centroids, which the application computes, are counted in its code; of 9 values
# from 16 centroids they take 1,048 on an M3, all told.
INSTRUCTIONS: Mapping[Kernels, Mapping[str, float]] = {
    "portable": {
        "dense_macs": 4.6,
        "dense_outputs": 20.0,
        "distance_macs": 6.0,
        "distances": 11.0,
        "filtered_3x3": 140.0,
        "filtered_four_outputs": 61.0,
        "filtered_four_taps": 14.0,
        "filtered_one_outputs": 29.0,
        "filtered_one_taps": 5.9,
        "filtered_threes": 79.0,
        "four_windows_macs": 14.0,
        "four_windows_outputs": 81.0,
        "gathered_pieces": 41.0,
        "gathered_taps": 2.7,
        "mapped": 19.0,
        "mean_inputs": 5.6,
        "mean_outputs": 36.0,
        "one_window_macs": 3.9,
        "one_window_outputs": 25.0,
        "operators": 87.0,
        "packed_rows": 62.0,
        "packed_taps": 1.4,
        "plane_inputs": 6.8,
        "planes": 150.0,
        "pooled_inputs": 16.0,
        "pooled_windows": 35.0,
    },
    "dsp": {
        "dense_macs": 2.0,
        "dense_outputs": 45.0,
        "distance_macs": 6.0,
        "distances": 11.0,
        "filtered_3x3": 90.0,
        "filtered_four_outputs": 51.0,
        "filtered_four_taps": 15.0,
        "filtered_one_outputs": 32.0,
        "filtered_one_taps": 7.8,
        "filtered_threes": 82.0,
        "four_windows_macs": 6.2,
        "four_windows_outputs": 53.0,
        "gathered_pieces": 43.0,
        "gathered_taps": 2.5,
        "mapped": 15.0,
        "mean_inputs": 4.9,
        "mean_outputs": 32.0,
        "one_window_macs": 2.0,
        "one_window_outputs": 45.0,
        "operators": 370.0,
        "packed_rows": 46.0,
        "packed_taps": 2.9,
        "plane_inputs": 5.3,
        "planes": 170.0,
        "pooled_inputs": 2.0,
        "pooled_windows": 170.0,
    },
    "mve": {
        "dense_outputs": 12.0,
        "distance_macs": 5.0,
        "distances": 10.0,
        "lane_columns": 5.0,
        "lane_nines": 112.0,
        "lane_rows": 340.0,
        "lane_taps": 11.0,
        "lane_windows": 110.0,
        "mapped": 3.1,
        "mean_inputs": 3.9,
        "mean_outputs": 23.0,
        "mve_border_windows": 52.0,
        "mve_dense_vectors": 5.0,
        "mve_filtered_macs": 6.0,
        "mve_filtered_vectors": 44.0,
        "mve_four_windows_outputs": 100.0,
        "mve_four_windows_vectors": 16.0,
        "mve_one_window_outputs": 15.0,
        "mve_one_window_vectors": 5.0,
        "mve_packed_pieces": 10.0,
        "mve_packed_vectors": 3.7,
        "mve_packed_windows": 34.0,
        "mve_plane_loads": 8.0,
        "mve_planes": 280.0,
        "mve_pooled_vectors": 10.0,
        "narrow_outputs": 27.0,
        "narrow_vectors": 19.0,
        "operators": 350.0,
        "pooled_windows": 54.0,
        "row_loads": 11.0,
        "row_outputs": 48.0,
        "row_segments": 42.0,
    },
}
# Cycles of an instruction of a loop that multiplies and of the others, by the average. On a
# Cortex-M3 MLA takes two cycles: its layers take 1.6 without many of them, up to 1.9 with.
CYCLES: Mapping[Kernels, tuple[float, float]] = {
    "portable": (1.08, 0.93),
    "dsp": (1.0, 1.0),
    "mve": (1.0, 1.0),
}
LOOPS = tuple(sorted({loop for constants in INSTRUCTIONS.values() for loop in constants}))


def latency_costs(kernels: Kernels) -> tuple[float, ...]:
    """What one round of each of `LOOPS` takes, in instructions of the core's average."""
    multiplies, other = CYCLES[kernels]
    costs = INSTRUCTIONS[kernels]
    weights = (multiplies if loop.endswith("_macs") else other for loop in LOOPS)
    return tuple(costs.get(loop, 0.0) * by for loop, by in zip(LOOPS, weights, strict=True))
