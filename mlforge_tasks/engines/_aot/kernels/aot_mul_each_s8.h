/* MUL element by element, for what a core's row (aot_mul_row_s8.h) leaves over. */
#ifndef AOT_MUL_EACH_S8_H
#define AOT_MUL_EACH_S8_H

#include "aot_binary_s8.h"

/* A step is 1, or 0 for an operand that is broadcast. */
AOT_INLINE void aot_mul_each_s8(const aot_mul_t *layer, const int8_t *p0, int32_t step0,
                                const int8_t *p1, int32_t step1, int8_t *output, int32_t left)
{
    /* Copies, because a store of int8 might change what a pointer points to. */
    int32_t zero_point0 = layer->zero_point0, zero_point1 = layer->zero_point1;
    int32_t multiplier = layer->output.multiplier, shift = layer->output.shift;
    int32_t zero_point = layer->output_zero_point;

    if (shift <= 0) {
        for (; left > 0; left--) {
            int32_t product = (*p0 - zero_point0) * (*p1 - zero_point1);
            *output++ = aot_requantise_wide(product, multiplier, shift, zero_point);
            p0 += step0;
            p1 += step1;
        }
        return;
    }
    for (int32_t centre = aot_centre(zero_point, shift); left > 0; left--) {
        int32_t product = (*p0 - zero_point0) * (*p1 - zero_point1);
        *output++ = aot_requantise(product, multiplier, centre, shift);
        p0 += step0;
        p1 += step1;
    }
}

#endif
