/* A row of MUL. */
#ifndef AOT_MUL_ROW_S8_H
#define AOT_MUL_ROW_S8_H

#include "aot_mul_each_s8.h"
#include "aot_mve.h"

/* Eight neighbours, or one value that is broadcast. */
AOT_INLINE int16x8_t aot_eight(const int8_t *x, int32_t step)
{
    return step != 0 ? vldrbq_s16(x) : vdupq_n_s16(*x);
}

/* A step is 1, or 0 for an operand that is broadcast. Eight elements a trip in the fast form. */
static void aot_mul_row_s8(const aot_mul_t *layer, const int8_t *p0, int32_t step0, const int8_t *p1,
                           int32_t step1, int8_t *output, int32_t left)
{
    int16_t zero_point0 = (int16_t)layer->zero_point0, zero_point1 = (int16_t)layer->zero_point1;
    int32_t multiplier = layer->output.multiplier, shift = layer->output.shift;
    int32_t zero_point = layer->output_zero_point;

    if (shift > 0) {
        for (; left >= 8; left -= 8) {
            int16x8_t values0 = vsubq_n_s16(aot_eight(p0, step0), zero_point0);
            int16x8_t values1 = vsubq_n_s16(aot_eight(p1, step1), zero_point1);
            int32x4_t even = vmullbq_int_s16(values0, values1);
            int32x4_t odd = vmulltq_int_s16(values0, values1);
            even = aot_scale_fast_x4(even, multiplier, shift);
            odd = aot_scale_fast_x4(odd, multiplier, shift);
            vstrbq_s16(output, aot_narrow(even, odd, zero_point));
            p0 += 8 * step0;
            p1 += 8 * step1;
            output += 8;
        }
    }
    aot_mul_each_s8(layer, p0, step0, p1, step1, output, left);
}

#endif
