#include "aot_conv_s8.h"

#include <stddef.h>
#include <string.h>

#include "aot_fill_s8.h"

/* Windows run in pairs; this holds the one that waits for its partner. */
typedef struct {
    const aot_dot_t *dot;
    const aot_window_t *window;
    const int8_t *x;
    int8_t *y;
} aot_pairing_t;

static void add_window(aot_pairing_t *pairing, const int8_t *x, int8_t *y)
{
    if (pairing->x == NULL) {
        pairing->x = x;
        pairing->y = y;
    } else {
        aot_dot_pair_s8(pairing->dot, pairing->window, pairing->x, x, pairing->y, y);
        pairing->x = NULL;
    }
}

static void flush(const aot_pairing_t *pairing)
{
    if (pairing->x != NULL) {
        aot_dot_one_s8(pairing->dot, pairing->window, pairing->x, pairing->y);
    }
}

/* Short copies are the commonest, and a call costs more than they do. */
AOT_APART void copy(int8_t *to, const int8_t *from, int32_t bytes)
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

/* Copies a window's taps; a tap outside the input reads as the zero point. Without dilation the taps
 * of a row are neighbours.
 */
static void gather(const aot_conv_t *layer, const int8_t *input, int32_t top, int32_t left,
                   int8_t *taps)
{
    /* Copies, because a store of int8 might change what a pointer points to. */
    int32_t channels = layer->input_channels, width = layer->input_width;
    int32_t height = layer->input_height, dilation = layer->dilation_width;
    int32_t pitch = layer->kernel_width * channels, row_step = layer->dilation_height;
    int32_t before = left < 0 ? aot_smaller(-left, layer->kernel_width) : 0;
    int32_t inside = aot_smaller(width - left, layer->kernel_width) - before;
    int32_t line = row_step * width * channels;
    int32_t start = before * channels, bytes = inside * channels;
    int32_t row = (top * width + left) * channels;

    aot_fill_s8(taps, layer->input_zero_point, layer->kernel_height * pitch);
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

void aot_conv_s8(const aot_conv_t *layer, const int8_t *input, int8_t *output, int8_t *scratch)
{
    int32_t taps = layer->kernel_height * layer->kernel_width * layer->input_channels;
    aot_window_t gathered = {1, taps, taps};
    aot_pairing_t inside = {&layer->dot, &layer->inside, NULL, NULL};
    aot_pairing_t border = {&layer->dot, &gathered, NULL, NULL};

    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        int32_t top = oy * layer->stride_height - layer->pad_top;
        int32_t left = -layer->pad_left;
        int32_t rows_inside = layer->inside.runs > 0 && top >= 0 &&
                              top + layer->span_height <= layer->input_height;
        for (int32_t ox = 0; ox < layer->output_width; ox++) {
            if (rows_inside && left >= 0 && left + layer->span_width <= layer->input_width) {
                int32_t pixel = top * layer->input_width + left;
                add_window(&inside, input + pixel * layer->input_channels, output);
            } else {
                int8_t *slot = border.x == NULL ? scratch : scratch + taps;
                gather(layer, input, top, left, slot);
                add_window(&border, slot, output);
            }
            left += layer->stride_width;
            output += layer->dot.channels;
        }
    }
    flush(&inside);
    flush(&border);
}
