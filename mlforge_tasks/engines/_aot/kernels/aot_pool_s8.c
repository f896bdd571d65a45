#include "aot_small.h"

#include "aot_pool_s8.h"

#include "aot_pool_window_s8.h"

AOT_INLINE int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static aot_pool_window_t view(const aot_pool_t *layer, const int8_t *input, int32_t oy, int32_t ox)
{
    int32_t top = oy * layer->stride_height - layer->pad_top;
    int32_t left = ox * layer->stride_width - layer->pad_left;
    int32_t first_row = larger(top, 0), first_column = larger(left, 0);
    aot_pool_window_t view = {
        input + (first_row * layer->input_width + first_column) * layer->channels,
        aot_smaller(top + layer->kernel_height, layer->input_height) - first_row,
        aot_smaller(left + layer->kernel_width, layer->input_width) - first_column,
        layer->input_width * layer->channels,
        layer->channels,
    };
    return view;
}

void aot_average_pool_s8(const aot_pool_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        for (int32_t ox = 0; ox < layer->output_width; ox++) {
            aot_pool_window_t window = view(layer, input, oy, ox);
            aot_average_s8(&window, output);
            output += layer->channels;
        }
    }
}

void aot_max_pool_s8(const aot_pool_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        for (int32_t ox = 0; ox < layer->output_width; ox++) {
            aot_pool_window_t window = view(layer, input, oy, ox);
            aot_maximum_s8(&window, output);
            output += layer->channels;
        }
    }
}
