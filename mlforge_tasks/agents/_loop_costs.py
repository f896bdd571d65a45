"""What one round of each loop of the `aot` engine's kernels takes, as it was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Kernels: TypeAlias = Literal["portable", "dsp", "mve"]

# Instructions of one round of each loop. Least-squares fits to what each layer of 56 and then of 40
# random networks of our spaces (series, images, flat features) took on Cortex-M3, M4 and M55, QEMU
# counting, near what the kernels' code suggests where those say little. Two digits are kept. Root
# mean square error of a network's sum: 4, 3 and 3 %; 36 of 40, all of 8, and 36 of 40 networks are
# within 5 %. M7 and M33, which run the kernels of M4, may be 15 % off.
# Dense layers are those of converters, with one multiplier for all channels: of 2 networks.
# Depthwise layers on MVE and with DSP instructions are what the engine chooses its kernels by.
# Distances from centroids, which the application computes, are counted in its code; of 9 values
# from 16 centroids they take 1,048 on an M3, all told.
INSTRUCTIONS: Mapping[Kernels, Mapping[str, float]] = {
    "portable": {
        "added": 17.0,
        "dense_four_macs": 9.0,
        "dense_fours": 93.0,
        "dense_layers": 20.0,
        "dense_single_macs": 5.0,
        "dense_singles": 39.0,
        "distance_macs": 6.0,
        "distances": 11.0,
        "exponentials": 130.0,
        "filtered_3x3": 110.0,
        "filtered_four_outputs": 59.0,
        "filtered_four_taps": 15.0,
        "filtered_one_outputs": 25.0,
        "filtered_one_taps": 3.5,
        "filtered_threes": 78.0,
        "four_windows_macs": 14.0,
        "four_windows_outputs": 96.0,
        "gathered_pieces": 48.0,
        "gathered_taps": 2.6,
        "mapped": 6.0,
        "mean_inputs": 5.0,
        "mean_outputs": 31.0,
        "one_window_macs": 4.1,
        "one_window_outputs": 27.0,
        "operators": 41.0,
        "packed_rows": 40.0,
        "packed_taps": 0.51,
        "plane_inputs": 7.4,
        "planes": 170.0,
        "pooled_inputs": 15.0,
        "pooled_windows": 38.0,
    },
    "dsp": {
        "added": 10.0,
        "apart_pieces": 41.0,
        "apart_taps": 3.4,
        "apart_windows": 100.0,
        "dense_layers": 10.0,
        "dense_packed": 3.4,
        "dense_pair_macs": 1.8,
        "dense_pairs": 101.0,
        "distance_macs": 6.0,
        "distances": 11.0,
        "dsp_planes": 1.0,
        "dsp_words": 1.0,
        "exponentials": 140.0,
        "four_windows_macs": 5.7,
        "four_windows_outputs": 68.0,
        "gathered_pieces": 41.0,
        "gathered_taps": 3.4,
        "mapped": 6.0,
        "mean_inputs": 5.0,
        "mean_outputs": 31.0,
        "one_window_macs": 1.6,
        "one_window_outputs": 70.0,
        "operators": 55.0,
        "packed_rows": 15.0,
        "packed_taps": 3.1,
        "pooled_windows": 96.0,
        "pooled_words": 23.0,
    },
    "mve": {
        "added": 3.4,
        "dense_layers": 20.0,
        "dense_pairs": 23.0,
        "distance_macs": 5.0,
        "distances": 10.0,
        "exponentials": 170.0,
        "mapped": 5.0,
        "mean_inputs": 3.9,
        "mean_outputs": 34.0,
        "mve_apart_windows": 70.0,
        "mve_border_windows": 83.0,
        "mve_dense_packed": 32.0,
        "mve_dense_vectors": 4.9,
        "mve_four_windows_outputs": 91.0,
        "mve_four_windows_vectors": 16.0,
        "mve_lanes": 1.0,
        "mve_one_window_outputs": 22.0,
        "mve_one_window_vectors": 3.7,
        "mve_packed_pieces": 7.9,
        "mve_packed_vectors": 3.8,
        "mve_packed_windows": 43.0,
        "mve_planes": 1.1,
        "mve_pooled_vectors": 15.0,
        "narrow_outputs": 32.0,
        "narrow_vectors": 16.0,
        "operators": 64.0,
        "pooled_windows": 60.0,
        "row_loads": 11.0,
        "row_outputs": 46.0,
        "row_segments": 43.0,
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
