/* CONV_2D over NHWC int8: any stride, padding and dilation, several windows at a time. */
#ifndef AOT_CONV_S8_H
#define AOT_CONV_S8_H

#include "aot_dot_s8.h"

/* inside_step  bytes from a run of a window to the next, where the window lies inside the input;
 *              0 where its taps are not neighbours (dilation along a row)
 * span         rows and columns that a window reaches over
 */
typedef struct {
    aot_dot_t dot;
    int32_t inside_step;
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
    return layer->dot.runs;
}

AOT_INLINE int32_t aot_pitch_s8(const aot_conv_t *layer)
{
    return layer->dot.run;
}

/* scratch: as many packed windows (aot_dot_s8.h) as the first group has; behind them, at
 * scratch + gathered, DSP kernels want a window in bytes, if any lies at the border.
 */
void aot_conv_s8(const aot_conv_t *layer, const int8_t *input, int8_t *output, int8_t *scratch,
                 int32_t gathered);

#endif
