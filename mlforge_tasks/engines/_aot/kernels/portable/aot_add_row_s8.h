/* A row of ADD or SUB. */
#ifndef AOT_ADD_ROW_S8_H
#define AOT_ADD_ROW_S8_H

#include "aot_add_each_s8.h"

/* p0 + sign * p1; a step is 0 for an operand that is broadcast.
 *
 * Four elements a trip, step by step, so that the constants of a step are loaded once for all.
 */
AOT_INLINE void aot_add_row_s8(const aot_add_t *layer, const int8_t *p0, int32_t step0,
                               const int8_t *p1, int32_t step1, int8_t *output, int32_t left,
                               int32_t sign)
{
    /* A copy, because a store of int8 might change what a pointer points to. */
    const aot_add_t copy = *layer;
    const aot_operand_t *operand0 = &copy.operand0, *operand1 = &copy.operand1;
    const aot_scale_t scale = copy.output;
    int32_t zero_point = copy.output_zero_point;

    for (; scale.shift > 0 && left >= 4; left -= 4) {
        int32_t sum0 = aot_common(p0[0], operand0), sum1 = aot_common(p0[step0], operand0);
        int32_t sum2 = aot_common(p0[2 * step0], operand0);
        int32_t sum3 = aot_common(p0[3 * step0], operand0);
        sum0 += sign * aot_common(p1[0], operand1);
        sum1 += sign * aot_common(p1[step1], operand1);
        sum2 += sign * aot_common(p1[2 * step1], operand1);
        sum3 += sign * aot_common(p1[3 * step1], operand1);
        output[0] = aot_finish(sum0, scale.multiplier, scale.shift, zero_point);
        output[1] = aot_finish(sum1, scale.multiplier, scale.shift, zero_point);
        output[2] = aot_finish(sum2, scale.multiplier, scale.shift, zero_point);
        output[3] = aot_finish(sum3, scale.multiplier, scale.shift, zero_point);
        p0 += 4 * step0;
        p1 += 4 * step1;
        output += 4;
    }
    aot_add_each_s8(&copy, p0, step0, p1, step1, output, left, sign);
}

#endif
