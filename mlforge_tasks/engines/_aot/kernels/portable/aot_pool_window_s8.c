#include "aot_pool_window_s8.h"

void aot_average_s8(const aot_pool_window_t *window, int8_t *y)
{
    for (int32_t c = 0; c < window->channels; c++) {
        const int8_t *row = window->x + c;
        int32_t sum = 0;
        for (int32_t left = window->rows; left > 0; left--) {
            const int8_t *x = row;
            for (int32_t k = window->columns; k > 0; k--) {
                sum += *x;
                x += window->channels;
            }
            row += window->line;
        }
        y[c] = aot_average_of(sum, window->rows * window->columns);
    }
}

void aot_maximum_s8(const aot_pool_window_t *window, int8_t *y)
{
    for (int32_t c = 0; c < window->channels; c++) {
        const int8_t *row = window->x + c;
        int32_t most = -128;
        for (int32_t left = window->rows; left > 0; left--) {
            const int8_t *x = row;
            for (int32_t k = window->columns; k > 0; k--) {
                most = *x > most ? *x : most;
                x += window->channels;
            }
            row += window->line;
        }
        y[c] = (int8_t)most;
    }
}
