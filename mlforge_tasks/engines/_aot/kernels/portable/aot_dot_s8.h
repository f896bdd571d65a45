/* Inner products of int8 windows with all output channels of a layer. */
#ifndef AOT_DOT_S8_H
#define AOT_DOT_S8_H

#include "aot_math.h"

/* Where the bytes of a window lie: `runs` contiguous runs of `run` bytes, `step` apart. */
typedef struct {
    int32_t runs, run, step;
} aot_window_t;

/* Weights lie in blocks of four output channels, [channel / 4][tap][4], then the remaining
 * channels one by one, [channel][tap].
 *
 * bias, multiplier, shift
 *            the first channel's (aot_math.h)
 * step       from a bias or multiplier to the next: 2; or 1 where there are only biases, as all
 *            channels have one multiplier and shift of the fast form (single windows only)
 */
typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t step;
    int32_t channels;
    int32_t zero_point;
} aot_dot_t;

/* All output channels of one window. */
void aot_dot_one_s8(const aot_dot_t *dot, const aot_window_t *window, const int8_t *x, int8_t *y);

/* All output channels of two windows of the same form: each weight is loaded once for both. */
void aot_dot_pair_s8(const aot_dot_t *dot, const aot_window_t *window, const int8_t *x0,
                     const int8_t *x1, int8_t *y0, int8_t *y1);

#endif
