"""What one round of each loop of the `aot` engine's kernels takes, as it was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.calibration.classes import KernelClass

Kernels: TypeAlias = Literal["portable", "dsp", "mve"]

# Instructions of one round of each loop. Least-squares fits to what each of about 280 layers took
# on Cortex-M3, M4 and M55, QEMU counting: of 72 random networks of our spaces (series, images, flat
# features), and of six long chains of layers that spaces seldom have; near what the kernels' code
# suggests where those say little. Three digits are kept. Root mean square error of a layer: 2.0,
# 2.6 and 2.5 %, most of it SOFTMAX, whose exponentials are cheap or dear by the input.
# Dense layers are those of converters, with one multiplier for all channels.
# Distances from centroids, which the application computes, are counted in its code; of 9 values
# from 16 centroids they take 1,048 on an M3, all told.
INSTRUCTIONS: Mapping[Kernels, Mapping[str, float]] = {
    "portable": {
        "averages": 3.97,
        "dense_layers": 69.8,
        "depthwise_layers": 124.0,
        "distance_macs": 6.0,
        "distances": 11.0,
        "exponentials": 116.0,
        "mapped": 6.0,
        "maps": 13.7,
        "mean_inputs": 5.0,
        "mean_outputs": 31.1,
        "means": 30.4,
        "moved": 1.0,
        "moves": 60.0,
        "pooled_windows": 87.1,
        "portable_added": 17.0,
        "portable_copied_pieces": 23.7,
        "portable_copied_taps": 1.8,
        "portable_dense_four_macs": 9.07,
        "portable_dense_four_trips": 1.56,
        "portable_dense_fours": 88.7,
        "portable_dense_single_macs": 5.1,
        "portable_dense_singles": 34.1,
        "portable_depthwise_copied_alone": 4.84,
        "portable_depthwise_copied_inputs": 2.73,
        "portable_depthwise_copied_lines": 52.9,
        "portable_depthwise_filtered_3x3": 128.0,
        "portable_depthwise_filtered_four_outputs": 89.5,
        "portable_depthwise_filtered_four_taps": 13.6,
        "portable_depthwise_filtered_one_outputs": 64.6,
        "portable_depthwise_filtered_one_taps": 4.76,
        "portable_depthwise_filtered_threes": 105.0,
        "portable_depthwise_lines_of_3x3": 12.5,
        "portable_depthwise_planes": 25.3,
        "portable_filled_taps": 0.764,
        "portable_gathered_pieces": 34.2,
        "portable_gathered_windows": 89.4,
        "portable_layers": 75.8,
        "portable_pair_four_macs": 14.1,
        "portable_pair_four_runs": 26.7,
        "portable_pair_four_trips": 2.77,
        "portable_pair_fours": 145.0,
        "portable_pair_single_macs": 7.04,
        "portable_pair_singles": 59.9,
        "portable_pooled": 14.8,
        "portable_pooled_inputs": 7.88,
        "portable_window_four_macs": 8.89,
        "portable_window_four_runs": 14.0,
        "portable_window_four_trips": 7.07,
        "portable_window_fours": 117.0,
        "portable_window_single_macs": 6.01,
        "portable_window_singles": 51.0,
        "portable_windows": 58.6,
        "softmax": 96.5,
        "sums": 93.5,
    },
    "dsp": {
        "averages": 7.82,
        "dense_layers": 86.0,
        "depthwise_layers": 179.0,
        "distance_macs": 6.0,
        "distances": 11.0,
        "dsp_added": 10.0,
        "dsp_copied_pieces": 48.6,
        "dsp_copied_taps": 1.24,
        "dsp_dense_blocks": 63.4,
        "dsp_dense_macs": 3.74,
        "dsp_dense_outputs": 33.0,
        "dsp_dense_packed": 1.47,
        "dsp_dense_trips": 2.78,
        "dsp_depthwise_any_planes": 1.1,
        "dsp_depthwise_block_lines_of_3_by_2": 7.12,
        "dsp_depthwise_block_lines_of_3_by_4": 23.5,
        "dsp_depthwise_block_lines_of_5_by_4": 28.2,
        "dsp_depthwise_blocks_of_2": 18.3,
        "dsp_depthwise_blocks_of_4": 39.3,
        "dsp_depthwise_copied_alone": 3.97,
        "dsp_depthwise_copied_inputs": 1.84,
        "dsp_depthwise_copied_lines": 36.5,
        "dsp_depthwise_four_fours": 26.8,
        "dsp_depthwise_four_lines": 13.3,
        "dsp_depthwise_four_pixels": 7.57,
        "dsp_depthwise_plane_lines": 11.4,
        "dsp_depthwise_planes": 172.0,
        "dsp_depthwise_words": 0.989,
        "dsp_filled_taps": 1.12,
        "dsp_four_windows": 67.7,
        "dsp_four_windows_macs": 6.13,
        "dsp_four_windows_outputs": 90.0,
        "dsp_four_windows_trips": 2.29,
        "dsp_gathered_pieces": 23.0,
        "dsp_gathered_windows": 113.0,
        "dsp_layers": 101.0,
        "dsp_near_fours": 162.0,
        "dsp_near_groups": 33.1,
        "dsp_near_words": 2.53,
        "dsp_one_window_macs": 3.75,
        "dsp_one_window_outputs": 30.4,
        "dsp_one_window_pairs": 77.9,
        "dsp_one_window_trips": 2.52,
        "dsp_packed_bytes": 8.8,
        "dsp_packed_runs": 17.0,
        "dsp_packed_trips": 1.28,
        "dsp_packed_windows": 43.8,
        "dsp_packed_words": 5.33,
        "dsp_pooled_fours": 40.4,
        "dsp_pooled_inputs": 7.53,
        "dsp_pooled_singles": 19.7,
        "dsp_pooled_words": 9.1,
        "dsp_walked_windows": 29.9,
        "exponentials": 116.0,
        "mapped": 6.03,
        "maps": 12.6,
        "mean_inputs": 5.0,
        "mean_outputs": 31.0,
        "means": 33.2,
        "moved": 1.0,
        "moves": 60.0,
        "pooled_windows": 72.7,
        "softmax": 96.7,
        "sums": 121.0,
    },
    "mve": {
        "averages": 20.1,
        "dense_layers": 74.5,
        "depthwise_layers": 53.9,
        "distance_macs": 5.0,
        "distances": 10.0,
        "exponentials": 141.0,
        "mapped": 5.03,
        "maps": 13.9,
        "mean_inputs": 4.0,
        "mean_outputs": 35.0,
        "means": 31.8,
        "moved": 0.2,
        "moves": 20.0,
        "mve_added_alone": 15.7,
        "mve_added_eights": 26.4,
        "mve_apart_windows": 64.1,
        "mve_border_windows": 46.1,
        "mve_dense_blocks": 45.3,
        "mve_dense_packed": 49.0,
        "mve_dense_vectors": 10.1,
        "mve_depthwise_gathered_eights": 16.4,
        "mve_depthwise_lane_bands": 169.0,
        "mve_depthwise_lane_columns": 4.39,
        "mve_depthwise_lane_made_rows": 27.8,
        "mve_depthwise_lane_rows": 23.1,
        "mve_depthwise_lane_runs": 13.3,
        "mve_depthwise_lane_sum_taps": 6.0,
        "mve_depthwise_lane_sums": 85.0,
        "mve_depthwise_lane_taps": 8.37,
        "mve_depthwise_lanes_3x3_apart_pairs": 149.0,
        "mve_depthwise_lanes_3x3_pairs": 126.0,
        "mve_depthwise_lanes_pairs": 116.0,
        "mve_depthwise_plane_eights": 34.3,
        "mve_depthwise_plane_vectors": 35.9,
        "mve_depthwise_planes": 108.0,
        "mve_four_windows_outputs": 88.0,
        "mve_four_windows_vectors": 15.9,
        "mve_groups": 61.6,
        "mve_layers": 104.0,
        "mve_narrow_channels": 32.7,
        "mve_narrow_outputs": 28.4,
        "mve_narrow_vectors": 12.0,
        "mve_one_window_blocks": 58.0,
        "mve_one_window_vectors": 9.82,
        "mve_one_windows": 55.0,
        "mve_packed_pieces": 11.5,
        "mve_packed_vectors": 4.6,
        "mve_packed_windows": 32.3,
        "mve_pooled": 22.5,
        "mve_pooled_vectors": 5.75,
        "mve_row_channels": 17.9,
        "mve_row_halves": 26.0,
        "mve_row_loads": 7.96,
        "mve_row_outputs": 42.0,
        "mve_row_segments": 41.2,
        "mve_row_streams": 47.4,
        "mve_rows": 194.0,
        "pooled_windows": 62.9,
        "pools": 20.7,
        "softmax": 122.0,
        "sums": 101.0,
    },
}
# Cycles of an instruction of a loop that multiplies and of the others, by the average. On a
# Cortex-M3 MLA takes two cycles: its layers take 1.6 without many of them, up to 1.9 with.
CYCLES: Mapping[Kernels, tuple[float, float]] = {
    "portable": (1.08, 0.93),
    "dsp": (1.0, 1.0),
    "mve": (1.0, 1.0),
}
LOOPS: Mapping[Kernels, tuple[str, ...]] = {
    kernels: tuple(sorted(constants)) for kernels, constants in INSTRUCTIONS.items()
}


# Whose loops have these words in their names; all others are those of convolutions.
_WORDS: Mapping[KernelClass, tuple[str, ...]] = {
    "depthwise": ("depthwise",),
    "dense": ("dense",),
    "pool": ("pool", "mean", "averages"),
    "softmax": ("softmax", "exponentials"),
    "elementwise": ("added", "sums", "mapped", "maps"),
    "other": ("moved", "moves", "distance"),
}


def class_of_loop(loop: str) -> KernelClass:
    """The class of kernels that a loop belongs to."""
    found = (kind for kind, words in _WORDS.items() if any(word in loop for word in words))
    return next(found, "conv")


def latency_costs(
    kernels: Kernels, calibrated: Mapping[KernelClass, float] | None = None
) -> tuple[float, ...]:
    """What one round of each of a core's `LOOPS` takes, in instructions of the core's average.

    Args:
        kernels: The core's.
        calibrated: What an instruction of a class was measured to take, in the same unit.
    """
    known = calibrated or {}
    return tuple(
        INSTRUCTIONS[kernels][loop] * known.get(class_of_loop(loop), _usual(kernels, loop))
        for loop in LOOPS[kernels]
    )


def _usual(kernels: Kernels, loop: str) -> float:
    multiplies, other = CYCLES[kernels]
    return multiplies if loop.endswith("_macs") else other
