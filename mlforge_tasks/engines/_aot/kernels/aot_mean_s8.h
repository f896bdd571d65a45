/* MEAN over neighbouring axes of an int8 tensor. */
#ifndef AOT_MEAN_S8_H
#define AOT_MEAN_S8_H

#include "aot_math.h"

/* The input is [outer, count, inner]; the mean is taken over the middle. The factor holds
 * 1 / count and the scales; bias is -count * zero point of the input.
 */
typedef struct {
    int32_t outer, count, inner;
    int32_t bias, multiplier, shift, output_zero_point;
} aot_mean_t;

void aot_mean_s8(const aot_mean_t *layer, const int8_t *input, int8_t *output);

#endif
