/* Copies a window of a convolution that touches the border, or whose taps are not in runs. */
#ifndef AOT_GATHER_S8_H
#define AOT_GATHER_S8_H

#include <string.h>

#include "aot_conv_s8.h"
#include "aot_fill_s8.h"

/* Written out in its caller on the faster cores, a function on the smaller ones. */
#if defined(__ARM_FEATURE_DSP)
#define AOT_COPY AOT_INLINE
#else
#define AOT_COPY AOT_APART
#endif

/* Short copies are the commonest, and a call costs more than they do. */
AOT_COPY void copy(int8_t *to, const int8_t *from, int32_t bytes)
{
    if (bytes >= 8) {
        memcpy(to, from, (size_t)bytes);
        return;
    }
    if ((bytes & 4) != 0) {
        memcpy(to, from, 4);
        to += 4;
        from += 4;
    }
    if ((bytes & 2) != 0) {
        memcpy(to, from, 2);
        to += 2;
        from += 2;
    }
    if ((bytes & 1) != 0) {
        *to = *from;
    }
}

/* Copies a window's taps, one row after the other; a tap outside the input reads as the zero point.
 * Without dilation the taps of a row are neighbours. Rows are a pitch apart in what is made.
 */
AOT_APART void gather(const aot_conv_t *layer, const int8_t *input, int32_t top, int32_t left,
                   int8_t *taps)
{
    /* Copies, because a store of int8 might change what a pointer points to. */
    int32_t channels = layer->input_channels, width = layer->input_width;
    int32_t height = layer->input_height, dilation = layer->dilation_width;
    int32_t pitch = aot_pitch_s8(layer), row_step = layer->dilation_height;
    int32_t before = left < 0 ? aot_smaller(-left, layer->kernel_width) : 0;
    int32_t inside = aot_smaller(width - left, layer->kernel_width) - before;
    int32_t line = row_step * width * channels;
    int32_t start = before * channels, bytes = inside * channels;
    int32_t row = (top * width + left) * channels;

    aot_fill_s8(taps, layer->input_zero_point, aot_runs_s8(layer) * pitch);
    for (int32_t ky = layer->kernel_height; ky > 0; ky--) {
        if ((uint32_t)top < (uint32_t)height) { /* not above, nor below */
            if (dilation == 1) {
                copy(taps + start, input + row + start, bytes);
            } else {
                for (int32_t kx = 0; kx < layer->kernel_width; kx++) {
                    int32_t column = kx * dilation;
                    if (left + column >= 0 && left + column < width) {
                        copy(taps + kx * channels, input + row + column * channels, channels);
                    }
                }
            }
        }
        top += row_step;
        row += line;
        taps += pitch;
    }
}

#endif
