/* CONV_2D over NHWC int8: any stride, padding and dilation. */
#ifndef AOT_CONV_S8_H
#define AOT_CONV_S8_H

#include "aot_dot_s8.h"

/* inside   where the taps of a window lie that does not touch the border; inside.runs is 0 where
 *          they are not evenly spaced runs (dilation in two dimensions)
 * span     rows and columns that a window reaches over
 */
typedef struct {
    aot_dot_t dot;
    aot_window_t inside;
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t span_height, span_width;
    int32_t input_zero_point;
} aot_conv_t;

/* A window that was gathered (aot_gather_s8.h): its rows, and bytes from one to the next. */
AOT_INLINE int32_t aot_runs_s8(const aot_conv_t *layer)
{
    return layer->kernel_height;
}

AOT_INLINE int32_t aot_pitch_s8(const aot_conv_t *layer)
{
    return layer->kernel_width * layer->input_channels;
}

/* scratch: two windows, 2 * kernel_height * kernel_width * input_channels bytes; unused, and may be
 * NULL, where every window lies inside.
 */
void aot_conv_s8(const aot_conv_t *layer, const int8_t *input, int8_t *output, int8_t *scratch);

#endif
