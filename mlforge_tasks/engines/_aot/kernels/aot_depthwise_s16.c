#include "aot_depthwise_s16.h"

#include "aot_window_s16.h"

static int64_t sum_of(const aot_geometry_s16_t *g, const int16_t *x, const int8_t *weights,
                      aot_taps_s16_t rows, aot_taps_s16_t columns)
{
    int32_t row = g->dilation_height * g->input_width * g->input_channels;
    int32_t step = g->dilation_width * g->input_channels, channels = g->output_channels;
    int64_t sum = 0;

    for (int32_t ky = rows.first; ky < rows.end; ky++) {
        const int16_t *value = x;
        const int8_t *weight = weights;
        for (int32_t left = columns.end - columns.first; left > 0; left--) {
            sum += *value * *weight;
            value += step;
            weight += channels;
        }
        x += row;
        weights += g->kernel_width * channels;
    }
    return sum;
}

void aot_depthwise_s16(const aot_layer_s16_t *layer, const int16_t *input, int16_t *output)
{
    const aot_geometry_s16_t *g = &layer->geometry;
    int32_t multiplier = g->output_channels / g->input_channels;

    for (int32_t oy = 0; oy < g->output_height; oy++) {
        aot_taps_s16_t rows = aot_taps_s16(oy * g->stride_height - g->pad_top, g->kernel_height,
                                           g->dilation_height, g->input_height);
        for (int32_t ox = 0; ox < g->output_width; ox++) {
            aot_taps_s16_t columns =
                aot_taps_s16(ox * g->stride_width - g->pad_left, g->kernel_width,
                             g->dilation_width, g->input_width);
            const int16_t *x =
                input + (rows.at * g->input_width + columns.at) * g->input_channels;
            const int8_t *weights =
                layer->weights +
                (rows.first * g->kernel_width + columns.first) * g->output_channels;
            int32_t channel = 0;
            for (int32_t i = 0; i < g->input_channels; i++) {
                for (int32_t k = 0; k < multiplier; k++) {
                    int64_t sum = sum_of(g, x + i, weights + channel, rows, columns);
                    *output++ = aot_finish_s16(&layer->requant, channel++, sum);
                }
            }
        }
    }
}
