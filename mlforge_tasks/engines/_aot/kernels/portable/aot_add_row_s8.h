/* A row of ADD or SUB. */
#ifndef AOT_ADD_ROW_S8_H
#define AOT_ADD_ROW_S8_H

#include "aot_binary_s8.h"

/* An operand at the common scale. */
AOT_INLINE int32_t aot_common(int8_t x, const aot_operand_t *operand)
{
    int32_t twice = (int32_t)((uint32_t)x << (operand->lift + 1)) - 2 * operand->zero_point;
    return aot_scale_fast(twice, operand->multiplier, aot_centre(0, operand->shift),
                          operand->shift);
}

/* p0 + sign * p1; a step is 0 for an operand that is broadcast.
 *
 * Four elements a trip, step by step, so that the constants of a step are loaded once for all. */
AOT_INLINE void aot_add_row_s8(const aot_add_t *layer, const int8_t *p0, int32_t step0,
                               const int8_t *p1, int32_t step1, int8_t *output, int32_t left,
                               int32_t sign)
{
    /* Copies, because a store of int8 might change what a pointer points to. */
    const aot_operand_t operand0 = layer->operand0, operand1 = layer->operand1;
    const aot_scale_t scale = layer->output;
    int32_t zero_point = layer->output_zero_point;

    for (; scale.shift > 0 && left >= 4; left -= 4) {
        int32_t sum0 = aot_common(p0[0], &operand0), sum1 = aot_common(p0[step0], &operand0);
        int32_t sum2 = aot_common(p0[2 * step0], &operand0), sum3 = aot_common(p0[3 * step0], &operand0);
        sum0 += sign * aot_common(p1[0], &operand1);
        sum1 += sign * aot_common(p1[step1], &operand1);
        sum2 += sign * aot_common(p1[2 * step1], &operand1);
        sum3 += sign * aot_common(p1[3 * step1], &operand1);
        output[0] = aot_finish(sum0, scale.multiplier, scale.shift, zero_point);
        output[1] = aot_finish(sum1, scale.multiplier, scale.shift, zero_point);
        output[2] = aot_finish(sum2, scale.multiplier, scale.shift, zero_point);
        output[3] = aot_finish(sum3, scale.multiplier, scale.shift, zero_point);
        p0 += 4 * step0;
        p1 += 4 * step1;
        output += 4;
    }
    for (; left > 0; left--) {
        int32_t sum = aot_common(*p0, &operand0) + sign * aot_common(*p1, &operand1);
        *output++ = aot_finish(sum, scale.multiplier, scale.shift, zero_point);
        p0 += step0;
        p1 += step1;
    }
}

#endif
