/* ADD and SUB element by element, for what a core's row (aot_add_row_s8.h) leaves over. */
#ifndef AOT_ADD_EACH_S8_H
#define AOT_ADD_EACH_S8_H

#include "aot_binary_s8.h"

/* floor(x * factor / 256). */
AOT_INLINE int32_t aot_share(int8_t x, int32_t factor)
{
    return (int32_t)(((int64_t)factor * (int32_t)((uint32_t)x << 24)) >> 32);
}

/* The output of a sum, see aot_add_t. */
AOT_INLINE int8_t aot_add_finish(int32_t sum, int32_t centre, int32_t shift)
{
    return aot_saturate((sum + (sum >> 31) + centre) >> shift);
}

/* A step is 1, or 0 for an operand that is broadcast. */
AOT_INLINE void aot_add_each_s8(const aot_add_t *layer, const int8_t *p0, int32_t step0,
                                const int8_t *p1, int32_t step1, int8_t *output, int32_t left)
{
    int32_t factor0 = layer->factor0, factor1 = layer->factor1, start = layer->start;
    int32_t centre = layer->centre, shift = layer->shift;

    for (; left > 0; left--) {
        int32_t sum = start + aot_share(*p0, factor0) + aot_share(*p1, factor1);
        *output++ = aot_add_finish(sum, centre, shift);
        p0 += step0;
        p1 += step1;
    }
}

#endif
