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

/* sum / count, rounded half away from zero. */
AOT_INLINE int8_t aot_average_of(int32_t sum, int32_t count)
{
    return (int8_t)((sum > 0 ? sum + count / 2 : sum - count / 2) / count);
}

#endif
