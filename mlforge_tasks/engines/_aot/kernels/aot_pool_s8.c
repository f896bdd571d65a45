#include "aot_pool_s8.h"

/* The part of a window that lies inside the input. */
typedef struct {
    const int8_t *x;
    int32_t rows, columns;
} aot_view_t;

AOT_INLINE int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

AOT_INLINE int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static aot_view_t view(const aot_pool_t *layer, const int8_t *input, int32_t oy, int32_t ox)
{
    int32_t top = oy * layer->stride_height - layer->pad_top;
    int32_t left = ox * layer->stride_width - layer->pad_left;
    int32_t first_row = larger(top, 0), first_column = larger(left, 0);
    aot_view_t view = {
        input + (first_row * layer->input_width + first_column) * layer->channels,
        smaller(top + layer->kernel_height, layer->input_height) - first_row,
        smaller(left + layer->kernel_width, layer->input_width) - first_column,
    };
    return view;
}

static int8_t average(const aot_pool_t *layer, const aot_view_t *view, int32_t channel)
{
    const int8_t *row = view->x + channel;
    int32_t sum = 0, count = view->rows * view->columns;

    for (int32_t y = view->rows; y > 0; y--) {
        const int8_t *x = row;
        for (int32_t left = view->columns; left > 0; left--) {
            sum += *x;
            x += layer->channels;
        }
        row += layer->input_width * layer->channels;
    }
    /* Rounds half away from zero. */
    return (int8_t)((sum > 0 ? sum + count / 2 : sum - count / 2) / count);
}

static int8_t maximum(const aot_pool_t *layer, const aot_view_t *view, int32_t channel)
{
    const int8_t *row = view->x + channel;
    int32_t most = -128;

    for (int32_t y = view->rows; y > 0; y--) {
        const int8_t *x = row;
        for (int32_t left = view->columns; left > 0; left--) {
            most = larger(most, *x);
            x += layer->channels;
        }
        row += layer->input_width * layer->channels;
    }
    return (int8_t)most;
}

void aot_average_pool_s8(const aot_pool_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        for (int32_t ox = 0; ox < layer->output_width; ox++) {
            aot_view_t window = view(layer, input, oy, ox);
            for (int32_t c = 0; c < layer->channels; c++) {
                *output++ = average(layer, &window, c);
            }
        }
    }
}

void aot_max_pool_s8(const aot_pool_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        for (int32_t ox = 0; ox < layer->output_width; ox++) {
            aot_view_t window = view(layer, input, oy, ox);
            for (int32_t c = 0; c < layer->channels; c++) {
                *output++ = maximum(layer, &window, c);
            }
        }
    }
}
