#include "aot_conv_s16.h"

#include "aot_dot_s16.h"
#include "aot_window_s16.h"

/* A window's taps inside of the input: rows of them, of which each is `count` runs of `taps`. */
typedef struct {
    aot_taps_s16_t rows;
    const int16_t *x;      /* of the first row */
    const int8_t *weights; /* likewise, of the first channel */
    int32_t row, weights_row, count, taps, step;
} window_t;

static window_t window_at(const aot_layer_s16_t *layer, const int16_t *input, int32_t oy, int32_t ox)
{
    const aot_geometry_s16_t *g = &layer->geometry;
    int32_t channels = g->input_channels, dilation = g->dilation_width;
    aot_taps_s16_t rows = aot_taps_s16(oy * g->stride_height - g->pad_top, g->kernel_height,
                                       g->dilation_height, g->input_height);
    aot_taps_s16_t columns = aot_taps_s16(ox * g->stride_width - g->pad_left, g->kernel_width,
                                          dilation, g->input_width);
    int32_t width = columns.end - columns.first;
    window_t window = {
        rows,
        input + (rows.at * g->input_width + columns.at) * channels,
        layer->weights + (rows.first * g->kernel_width + columns.first) * channels,
        g->dilation_height * g->input_width * channels,
        g->kernel_width * channels,
        dilation == 1 ? 1 : width,
        (dilation == 1 ? width : 1) * channels,
        dilation * channels,
    };
    return window;
}

/* Adds a run's products with the weights of four channels, or of one. */
static void add_run(const int16_t *x, const int8_t *weights, int32_t taps, int32_t step,
                    int32_t channels, int64_t sums[AOT_DOT_CHANNELS_S16])
{
    while (taps > 0) {
        int32_t some = aot_smaller(taps, AOT_DOT_TAPS_S16);
        if (channels == AOT_DOT_CHANNELS_S16) {
            aot_dot_four_s16(x, weights, step, some, sums);
        } else {
            aot_dot_one_s16(x, weights, some, sums);
        }
        x += some;
        weights += some;
        taps -= some;
    }
}

/* Likewise a window's. */
static void add_window(const window_t *window, int32_t channel, int32_t step, int32_t channels,
                       int64_t sums[AOT_DOT_CHANNELS_S16])
{
    const int16_t *line = window->x;
    const int8_t *line_weights = window->weights + channel * step;

    for (int32_t ky = window->rows.first; ky < window->rows.end; ky++) {
        const int16_t *x = line;
        const int8_t *weights = line_weights;
        for (int32_t left = window->count; left > 0; left--) {
            add_run(x, weights, window->taps, step, channels, sums);
            x += window->step;
            weights += window->taps;
        }
        line += window->row;
        line_weights += window->weights_row;
    }
}

void aot_conv_s16(const aot_layer_s16_t *layer, const int16_t *input, int16_t *output)
{
    const aot_geometry_s16_t *g = &layer->geometry;
    int32_t step = g->kernel_height * g->kernel_width * g->input_channels;

    for (int32_t oy = 0; oy < g->output_height; oy++) {
        for (int32_t ox = 0; ox < g->output_width; ox++) {
            window_t window = window_at(layer, input, oy, ox);
            int32_t channel = 0;
            while (channel < g->output_channels) {
                int64_t sums[AOT_DOT_CHANNELS_S16] = {0};
                int32_t left = g->output_channels - channel;
                int32_t channels = left >= AOT_DOT_CHANNELS_S16 ? AOT_DOT_CHANNELS_S16 : 1;
                add_window(&window, channel, step, channels, sums);
                for (int32_t i = 0; i < channels; i++) {
                    *output++ = aot_finish_s16(&layer->requant, channel++, sums[i]);
                }
            }
        }
    }
}
