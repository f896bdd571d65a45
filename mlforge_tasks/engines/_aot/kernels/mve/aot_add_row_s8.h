/* A row of ADD or SUB. */
#ifndef AOT_ADD_ROW_S8_H
#define AOT_ADD_ROW_S8_H

#include "aot_add_each_s8.h"
#include "aot_mve.h"

/* Eight elements at the common scale, even ones and odd ones. */
typedef struct {
    int32x4_t even, odd;
} aot_eight_t;

AOT_INLINE int32x4_t aot_common_x4(int32x4_t steps, const aot_operand_t *operand)
{
    steps = vshlq_r_s32(steps, operand->lift);
    return aot_scale_fast_x4(steps, operand->multiplier, operand->shift);
}

AOT_INLINE aot_eight_t aot_common_x8(const int8_t *x, int32_t step, const aot_operand_t *operand)
{
    int32_t zero_point = operand->zero_point >> operand->lift;
    int16x8_t values = step != 0 ? vldrbq_s16(x) : vdupq_n_s16(*x);
    values = vsubq_n_s16(values, (int16_t)zero_point);
    aot_eight_t common = {aot_common_x4(vmovlbq_s16(values), operand),
                          aot_common_x4(vmovltq_s16(values), operand)};
    return common;
}

/* p0 + sign * p1; a step is 1, or 0 for an operand that is broadcast. */
AOT_INLINE void aot_add_row_s8(const aot_add_t *layer, const int8_t *p0, int32_t step0,
                               const int8_t *p1, int32_t step1, int8_t *output, int32_t left,
                               int32_t sign)
{
    const aot_add_t copy = *layer;
    const aot_operand_t *operand0 = &copy.operand0, *operand1 = &copy.operand1;
    const aot_scale_t scale = copy.output;
    int32_t zero_point = copy.output_zero_point;

    for (; scale.shift > 0 && left >= 8; left -= 8) {
        aot_eight_t sum = aot_common_x8(p0, step0, operand0);
        aot_eight_t other = aot_common_x8(p1, step1, operand1);
        sum.even = sign > 0 ? vaddq_s32(sum.even, other.even) : vsubq_s32(sum.even, other.even);
        sum.odd = sign > 0 ? vaddq_s32(sum.odd, other.odd) : vsubq_s32(sum.odd, other.odd);
        sum.even = aot_scale_fast_x4(sum.even, scale.multiplier, scale.shift);
        sum.odd = aot_scale_fast_x4(sum.odd, scale.multiplier, scale.shift);
        vstrbq_s16(output, aot_narrow(sum.even, sum.odd, zero_point));
        p0 += 8 * step0;
        p1 += 8 * step1;
        output += 8;
    }
    aot_add_each_s8(&copy, p0, step0, p1, step1, output, left, sign);
}

#endif
