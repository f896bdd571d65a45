/* DEPTHWISE_CONV_2D of one window, which is all of the input, for cores with MVE. */
#ifndef AOT_LANES_SUM_S8_H
#define AOT_LANES_SUM_S8_H

#include "aot_math.h"

/* weights and requant as in aot_lanes_s8.h
 * taps           pixels of the input
 */
typedef struct {
    const int8_t *weights;
    const int32_t *requant;
    int32_t channels, taps;
    int32_t output_zero_point;
} aot_lanes_sum_t;

/* The output may be the input. */
void aot_lanes_sum_s8(const aot_lanes_sum_t *layer, const int8_t *input, int8_t *output);

#endif
