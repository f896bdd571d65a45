/* A row of ADD or SUB. */
#ifndef AOT_ADD_ROW_S8_H
#define AOT_ADD_ROW_S8_H

#include "aot_binary_s8.h"
#include "aot_mve.h"

/* An operand at the common scale. */
AOT_INLINE int32_t aot_common(int8_t x, const aot_operand_t *operand)
{
    int32_t twice = (int32_t)((uint32_t)x << (operand->lift + 1)) - 2 * operand->zero_point;
    return aot_scale_fast(twice, operand->multiplier, aot_centre(0, operand->shift),
                          operand->shift);
}

/* Four elements at the common scale. */
AOT_INLINE int32x4_t aot_common_x4(const int8_t *x, int32_t step, const aot_operand_t *operand)
{
    int32x4_t values = step != 0 ? vldrbq_s32(x) : vdupq_n_s32(*x);
    values = vsubq_n_s32(vshlq_r_s32(values, operand->lift), operand->zero_point);
    return aot_scale_fast_x4(values, operand->multiplier, aot_centre(0, operand->shift),
                             operand->shift);
}

/* p0 + sign * p1; a step is 1, or 0 for an operand that is broadcast. */
AOT_INLINE void aot_add_row_s8(const aot_add_t *layer, const int8_t *p0, int32_t step0,
                               const int8_t *p1, int32_t step1, int8_t *output, int32_t left,
                               int32_t sign)
{
    const aot_operand_t operand0 = layer->operand0, operand1 = layer->operand1;
    const aot_requant_t requant = layer->output;
    int32_t zero_point = layer->output_zero_point;
    int32_t centre = requant.shift > 0 ? aot_centre(zero_point, requant.shift) : 0;

    for (; requant.shift > 0 && left >= 4; left -= 4) {
        int32x4_t sum = aot_common_x4(p0, step0, &operand0);
        int32x4_t other = aot_common_x4(p1, step1, &operand1);
        sum = sign > 0 ? vaddq_s32(sum, other) : vsubq_s32(sum, other);
        sum = aot_scale_fast_x4(sum, requant.multiplier, centre, requant.shift);
        int16x8_t halves = vqmovnbq_s32(vreinterpretq_s16_s32(sum), sum);
        int8x16_t bytes = vqmovnbq_s16(vreinterpretq_s8_s16(halves), halves);
        vstrbq_s32(output, vreinterpretq_s32_s8(bytes));
        p0 += 4 * step0;
        p1 += 4 * step1;
        output += 4;
    }
    for (; left > 0; left--) {
        int32_t sum = aot_common(*p0, &operand0) + sign * aot_common(*p1, &operand1);
        *output++ = aot_finish(sum, &requant, zero_point);
        p0 += step0;
        p1 += step1;
    }
}

#endif
