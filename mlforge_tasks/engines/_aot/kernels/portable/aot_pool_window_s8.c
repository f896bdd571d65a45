#include "aot_pool_window_s8.h"

void aot_average_s8(const aot_pool_window_t *window, int8_t *y)
{
    for (int32_t c = 0; c < window->channels; c++) {
        y[c] = aot_average_of(aot_channel_sum(window, window->x + c),
                              window->rows * window->columns);
    }
}

void aot_maximum_s8(const aot_pool_window_t *window, int8_t *y)
{
    for (int32_t c = 0; c < window->channels; c++) {
        y[c] = aot_channel_most(window, window->x + c);
    }
}
