#include "aot_small.h"

#include "aot_dot_chunks_s8.h"

void aot_dot_chunks_s8(const aot_dot_t *dot, const int8_t *x, int32_t pitch, int32_t windows,
                       int32_t chunk, int8_t *y)
{
    int32_t last = (windows - 1) / chunk * chunk;
    int32_t step = y < x ? chunk : -chunk;

    for (int32_t p = y < x ? 0 : last; p >= 0 && p <= last; p += step) {
        aot_dot_s8(dot, x + p * pitch, pitch, aot_smaller(windows - p, chunk),
                   y + p * dot->channels);
    }
}
