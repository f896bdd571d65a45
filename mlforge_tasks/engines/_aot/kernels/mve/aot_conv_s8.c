#include "aot_conv_s8.h"

#include "aot_mve.h"

/* A window that lies inside the input. */
AOT_INLINE void pack_inside(const aot_conv_t *layer, const int8_t *x, int8_t *to)
{
    int32_t run = layer->dot.run, step = layer->inside_step;

    for (int32_t runs = layer->dot.runs; runs > 0; runs--) {
        aot_copy_vectors(to, x, run);
        x += step;
        to += run;
    }
}

/* Any window; a tap outside the input reads as the zero point. Without dilation the taps of a row
 * are neighbours.
 */
static void pack(const aot_conv_t *layer, const int8_t *input, int32_t top, int32_t left,
                 int8_t *to)
{
    int32_t channels = layer->input_channels, width = layer->input_width;
    int32_t dilation = layer->dilation_width, run = layer->dot.run;
    int32_t before = left < 0 ? aot_smaller(-left, layer->kernel_width) : 0;
    int32_t inside = aot_smaller(width - left, layer->kernel_width) - before;

    aot_fill_vectors(to, layer->input_zero_point, layer->dot.runs * run);
    for (int32_t ky = layer->kernel_height; ky > 0; ky--) {
        const int8_t *row = input + (top * width + left) * channels;
        if (top < 0 || top >= layer->input_height) {
            /* above or below */
        } else if (dilation == 1) {
            aot_copy_vectors(to + before * channels, row + before * channels, inside * channels);
        } else {
            for (int32_t kx = 0; kx < layer->kernel_width; kx++) {
                int32_t column = kx * dilation;
                if (left + column >= 0 && left + column < width) {
                    aot_copy_vectors(to + kx * channels, row + column * channels, channels);
                }
            }
        }
        top += layer->dilation_height;
        to += run;
    }
}

void aot_conv_s8(const aot_conv_t *layer, const int8_t *input, int8_t *output, int8_t *scratch,
                 int32_t gathered)
{
    const aot_dot_t *dot = &layer->dot;
    int32_t left_over = layer->output_height * layer->output_width;
    int32_t group = aot_group_s8(dot, left_over), slot = 0;
    int32_t last_inside = layer->input_width - layer->span_width;
    int8_t *to = scratch;

    (void)gathered;
    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        int32_t top = oy * layer->stride_height - layer->pad_top;
        int32_t left = -layer->pad_left;
        int32_t rows_inside = layer->inside_step > 0 && top >= 0 &&
                              top + layer->span_height <= layer->input_height;
        for (int32_t ox = 0; ox < layer->output_width; ox++) {
            if (rows_inside && left >= 0 && left <= last_inside) {
                int32_t pixel = top * layer->input_width + left;
                pack_inside(layer, input + pixel * layer->input_channels, to);
            } else {
                pack(layer, input, top, left, to);
            }
            left += layer->stride_width;
            to += aot_packed_bytes(dot);
            if (++slot == group) {
                aot_dot_packed_s8(dot, scratch, group, output);
                output += group * dot->channels;
                left_over -= group;
                group = aot_group_s8(dot, left_over);
                slot = 0;
                to = scratch;
            }
        }
    }
}
