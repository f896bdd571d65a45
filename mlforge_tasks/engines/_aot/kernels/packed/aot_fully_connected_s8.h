/* FULLY_CONNECTED: one input row. */
#ifndef AOT_FULLY_CONNECTED_S8_H
#define AOT_FULLY_CONNECTED_S8_H

#include "aot_dot_s8.h"

/* scratch: one packed window (aot_dot_s8.h). */
AOT_INLINE void aot_fully_connected_s8(const aot_dot_t *dot, const int8_t *x, int8_t *y,
                                       int8_t *scratch)
{
    aot_pack_s8(dot, x, dot->run, scratch, 0, 1);
    aot_dot_packed_s8(dot, scratch, 1, y);
}

#endif
