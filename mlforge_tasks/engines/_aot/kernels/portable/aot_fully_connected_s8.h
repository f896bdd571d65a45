/* FULLY_CONNECTED: one input row. */
#ifndef AOT_FULLY_CONNECTED_S8_H
#define AOT_FULLY_CONNECTED_S8_H

#include "aot_dot_s8.h"

AOT_INLINE void aot_fully_connected_s8(const aot_dot_t *dot, int32_t inputs, const int8_t *x,
                                       int8_t *y)
{
    aot_window_t row = {1, inputs, inputs};
    aot_dot_one_s8(dot, &row, x, y);
}

#endif
