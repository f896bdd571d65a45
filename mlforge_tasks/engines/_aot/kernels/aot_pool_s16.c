#include "aot_small.h"

#include "aot_pool_s16.h"

#include "aot_window_s16.h"

typedef int32_t reduce_t(const int16_t *x, int32_t rows, int32_t columns, int32_t row,
                         int32_t channels);

static int32_t average_of(const int16_t *x, int32_t rows, int32_t columns, int32_t row,
                          int32_t channels)
{
    int32_t sum = 0, count = rows * columns;

    for (; rows > 0; rows--) {
        for (int32_t i = 0; i < columns; i++) {
            sum += x[i * channels];
        }
        x += row;
    }
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

static int32_t maximum_of(const int16_t *x, int32_t rows, int32_t columns, int32_t row,
                          int32_t channels)
{
    int32_t most = INT16_MIN;

    for (; rows > 0; rows--) {
        for (int32_t i = 0; i < columns; i++) {
            most = x[i * channels] > most ? x[i * channels] : most;
        }
        x += row;
    }
    return most;
}

static void pool(const aot_pool_s16_t *layer, reduce_t *reduce, const int16_t *input,
                 int16_t *output)
{
    int32_t channels = layer->channels, row = layer->input_width * channels;

    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        aot_taps_s16_t rows = aot_taps_s16(oy * layer->stride_height - layer->pad_top,
                                           layer->kernel_height, 1, layer->input_height);
        for (int32_t ox = 0; ox < layer->output_width; ox++) {
            aot_taps_s16_t columns = aot_taps_s16(ox * layer->stride_width - layer->pad_left,
                                                  layer->kernel_width, 1, layer->input_width);
            const int16_t *x = input + rows.at * row + columns.at * channels;
            for (int32_t i = 0; i < channels; i++) {
                int32_t value = reduce(x + i, rows.end - rows.first, columns.end - columns.first,
                                       row, channels);
                *output++ = (int16_t)aot_clamp(value, layer->low, layer->high);
            }
        }
    }
}

void aot_average_pool_s16(const aot_pool_s16_t *layer, const int16_t *input, int16_t *output)
{
    pool(layer, average_of, input, output);
}

void aot_max_pool_s16(const aot_pool_s16_t *layer, const int16_t *input, int16_t *output)
{
    pool(layer, maximum_of, input, output);
}

void aot_mean_s16(const aot_mean_s16_t *layer, const int16_t *input, int16_t *output)
{
    for (int32_t i = 0; i < layer->outer; i++) {
        for (int32_t j = 0; j < layer->inner; j++) {
            const int16_t *x = input + j;
            int32_t sum = 0;
            for (int32_t left = layer->count; left > 0; left--) {
                sum += *x;
                x += layer->inner;
            }
            sum = aot_scale(sum, layer->scale.multiplier, layer->scale.shift);
            *output++ = (int16_t)aot_clamp(sum, INT16_MIN, INT16_MAX);
        }
        input += layer->count * layer->inner;
    }
}
