/* DEPTHWISE_CONV_2D for cores with MVE, eight channels of a pixel as the lanes of a vector, two
 * windows at a time.
 *
 * Sixteen channels of as many input rows as a window covers lie in a ring with their border, sixteen
 * bytes a column. All rows of those channels are made before the next sixteen.
 */
#ifndef AOT_LANES_S8_H
#define AOT_LANES_S8_H

#include "aot_math.h"
#include "aot_extent.h"

/* Channels come in blocks of eight, of which the last may have less; requantisation in the order 0,
 * 2, 4, 6, 1, 3, 5, 7.
 *
 * weights        [block][kernel line][tap][8], none of them -128
 * block_bytes    of weights
 * requant        [block]{bias [8], multiplier [8], left shift [8]}, the last in bytes; all channels have
 *                the fast form
 * input          rows and columns, as in memory or turned; so are all extents
 * input_step     bytes between neighbours of one channel; so is output_step
 * kernel         lines, and runs of neighbouring taps in one
 * run            taps of a run, at most 16
 * window_step    rows, and bytes of the ring, from a window to the next; no bytes where there is one
 * dilation       rows from a line to the next, and bytes of the ring from a run to the next
 * rows           of the ring: those of a window, or all
 * row_bytes      of the ring
 * band           output rows that are made at a time: one, or all where the ring has all rows
 */
typedef struct {
    const int8_t *weights;
    const int32_t *requant;
    int32_t channels, block_bytes, run;
    aot_extent_t input, input_step, pad, output, output_step, kernel, window_step, dilation;
    int32_t rows, row_bytes, band;
    int32_t input_zero_point, output_zero_point;
} aot_lanes_t;

/* For any kernel; for 3x3 without dilation, windows that are neighbours, and any; those again where
 * the output's zero point is -128, as it is behind a ReLU.
 *
 * scratch: the ring; behind it, at scratch + table, a word for each run. The output may be the input
 * where a row of it lies in no row of the input that is read later.
 */
typedef void aot_lanes_kernel_t(const aot_lanes_t *layer, const int8_t *input, int8_t *output,
                                int8_t *scratch, int32_t table);
aot_lanes_kernel_t aot_lanes_s8, aot_lanes_3x3_s8, aot_lanes_3x3_apart_s8, aot_lanes_3x3_relu_s8,
    aot_lanes_3x3_apart_relu_s8;

#endif
