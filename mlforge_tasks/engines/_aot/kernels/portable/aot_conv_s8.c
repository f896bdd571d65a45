#include "aot_conv_s8.h"

#include <stddef.h>

#include "aot_gather_s8.h"

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
