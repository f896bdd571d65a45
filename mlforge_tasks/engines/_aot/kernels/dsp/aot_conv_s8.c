#include "aot_conv_s8.h"

#include <string.h>

#include "aot_fill_s8.h"

/* Short copies are the commonest, and a call costs more than they do. */
AOT_INLINE void copy(int8_t *to, const int8_t *from, int32_t bytes)
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

/* Copies the taps of a window that touches the border, one run after the other; a tap outside the
 * input reads as the zero point. Without dilation the taps of a row are neighbours.
 */
static void gather(const aot_conv_t *layer, const int8_t *input, int32_t top, int32_t left,
                   int8_t *taps)
{
    /* Copies, because a store of int8 might change what a pointer points to. */
    int32_t channels = layer->input_channels, width = layer->input_width;
    int32_t height = layer->input_height, dilation = layer->dilation_width;
    int32_t pitch = layer->dot.pitch, row_step = layer->dilation_height;
    int32_t before = left < 0 ? aot_smaller(-left, layer->kernel_width) : 0;
    int32_t inside = aot_smaller(width - left, layer->kernel_width) - before;
    int32_t line = row_step * width * channels;
    int32_t start = before * channels, bytes = inside * channels;
    int32_t row = (top * width + left) * channels;

    aot_fill_s8(taps, layer->input_zero_point, layer->dot.runs * pitch);
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

void aot_conv_s8(const aot_conv_t *layer, const int8_t *input, int8_t *output, int8_t *scratch,
                 int32_t gathered)
{
    const aot_dot_t *dot = &layer->dot;
    int32_t left_over = layer->output_height * layer->output_width;
    int32_t group = aot_group_s8(dot, left_over), slot = 0;

    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        int32_t top = oy * layer->stride_height - layer->pad_top;
        int32_t left = -layer->pad_left;
        int32_t rows_inside = layer->inside_step > 0 && top >= 0 &&
                              top + layer->span_height <= layer->input_height;
        for (int32_t ox = 0; ox < layer->output_width; ox++) {
            if (rows_inside && left >= 0 && left + layer->span_width <= layer->input_width) {
                int32_t pixel = top * layer->input_width + left;
                aot_pack_s8(dot, input + pixel * layer->input_channels, layer->inside_step,
                            scratch, slot, group);
            } else {
                gather(layer, input, top, left, scratch + gathered);
                aot_pack_s8(dot, scratch + gathered, dot->pitch, scratch, slot, group);
            }
            left += layer->stride_width;
            if (++slot == group) {
                aot_dot_packed_s8(dot, scratch, group, output);
                output += group * dot->channels;
                left_over -= group;
                group = aot_group_s8(dot, left_over);
                slot = 0;
            }
        }
    }
}
