/* Which taps of a window lie inside of its input. */
#ifndef AOT_WINDOW_S16_H
#define AOT_WINDOW_S16_H

#include "aot_math.h"

/* Taps from first on and before end, the first of which reads element `at`. */
typedef struct {
    int32_t first, end, at;
} aot_taps_s16_t;

/* Along one axis, of a window whose first tap reads element `start`, which may lie outside. */
AOT_INLINE aot_taps_s16_t aot_taps_s16(int32_t start, int32_t taps, int32_t dilation,
                                       int32_t size)
{
    aot_taps_s16_t inside = {0, 0, start};

    if (start < 0) {
        inside.first = (dilation - 1 - start) / dilation;
        inside.at = start + inside.first * dilation;
    }
    if (inside.at < size) {
        inside.end = aot_smaller(taps, inside.first + (size - 1 - inside.at) / dilation + 1);
    }
    return inside;
}

#endif
