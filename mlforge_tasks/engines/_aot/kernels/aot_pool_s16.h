/* AVERAGE_POOL_2D and MAX_POOL_2D over NHWC int16, and MEAN. */
#ifndef AOT_POOL_S16_H
#define AOT_POOL_S16_H

#include "aot_math.h"

typedef struct {
    int32_t input_height, input_width, channels;
    int32_t output_height, output_width;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t pad_top, pad_left;
    int32_t low, high;
} aot_pool_s16_t;

/* A window's part outside the input does not count. */
void aot_average_pool_s16(const aot_pool_s16_t *layer, const int16_t *input, int16_t *output);
void aot_max_pool_s16(const aot_pool_s16_t *layer, const int16_t *input, int16_t *output);

/* The input is [outer, count, inner]; the mean is taken over the middle. The factor holds
 * 1 / count and the scales.
 */
typedef struct {
    int32_t outer, count, inner;
    aot_scale_t scale;
} aot_mean_s16_t;

void aot_mean_s16(const aot_mean_s16_t *layer, const int16_t *input, int16_t *output);

#endif
