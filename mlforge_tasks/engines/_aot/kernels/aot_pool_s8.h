/* AVERAGE_POOL_2D and MAX_POOL_2D over NHWC int8. */
#ifndef AOT_POOL_S8_H
#define AOT_POOL_S8_H

#include "aot_math.h"

typedef struct {
    int32_t input_height, input_width, channels;
    int32_t output_height, output_width;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t pad_top, pad_left;
} aot_pool_t;

/* A window's part outside the input does not count. */
void aot_average_pool_s8(const aot_pool_t *layer, const int8_t *input, int8_t *output);
void aot_max_pool_s8(const aot_pool_t *layer, const int8_t *input, int8_t *output);

#endif
