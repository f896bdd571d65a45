/* One window of a pooling layer, all its channels. */
#ifndef AOT_POOL_WINDOW_S8_H
#define AOT_POOL_WINDOW_S8_H

#include "aot_math.h"

/* The part of a window that lies inside the input; `line` bytes from a row to the next. */
typedef struct {
    const int8_t *x;
    int32_t rows, columns;
    int32_t line;
    int32_t channels;
} aot_pool_window_t;

void aot_average_s8(const aot_pool_window_t *window, int8_t *y);
void aot_maximum_s8(const aot_pool_window_t *window, int8_t *y);

/* Sums of so many values fit into 16 bits. */
#define AOT_MOST_IN_16_BITS 256

/* Sum of one channel. */
AOT_INLINE int32_t aot_channel_sum(const aot_pool_window_t *window, const int8_t *row)
{
    int32_t sum = 0;

    for (int32_t left = window->rows; left > 0; left--) {
        const int8_t *x = row;
        for (int32_t k = window->columns; k > 0; k--) {
            sum += *x;
            x += window->channels;
        }
        row += window->line;
    }
    return sum;
}

/* Greatest value of one channel. */
AOT_INLINE int8_t aot_channel_most(const aot_pool_window_t *window, const int8_t *row)
{
    int8_t most = -128;

    for (int32_t left = window->rows; left > 0; left--) {
        const int8_t *x = row;
        for (int32_t k = window->columns; k > 0; k--) {
            most = *x > most ? *x : most;
            x += window->channels;
        }
        row += window->line;
    }
    return most;
}

/* sum / count, rounded half away from zero. */
AOT_INLINE int8_t aot_average_of(int32_t sum, int32_t count)
{
    return (int8_t)((sum > 0 ? sum + count / 2 : sum - count / 2) / count);
}

#endif
