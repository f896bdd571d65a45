/* What layers with weights have in common, on NHWC int16 with int8 weights. */
#ifndef AOT_LAYER_S16_H
#define AOT_LAYER_S16_H

#include "aot_math_s16.h"

typedef struct {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
} aot_geometry_s16_t;

/* weights   of a convolution [output channel][row][column][input channel], of a depthwise one
 *           [row][column][output channel]
 */
typedef struct {
    const int8_t *weights;
    aot_requant_s16_t requant;
    aot_geometry_s16_t geometry;
} aot_layer_s16_t;

#endif
