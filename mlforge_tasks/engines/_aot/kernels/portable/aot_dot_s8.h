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
 */
typedef struct {
    const int8_t *weights;
    const aot_requant_t *requant;
    int32_t channels;
    int32_t zero_point;
} aot_dot_t;

/* All output channels of one window. */
void aot_dot_one_s8(const aot_dot_t *dot, const aot_window_t *window, const int8_t *x, int8_t *y);

/* All output channels of two windows of the same form: each weight is loaded once for both. */
void aot_dot_pair_s8(const aot_dot_t *dot, const aot_window_t *window, const int8_t *x0,
                     const int8_t *x1, int8_t *y0, int8_t *y1);

#endif
