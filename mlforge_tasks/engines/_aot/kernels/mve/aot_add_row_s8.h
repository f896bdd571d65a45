/* A row of ADD or SUB. */
#ifndef AOT_ADD_ROW_S8_H
#define AOT_ADD_ROW_S8_H

#include "aot_add_each_s8.h"
#include "aot_mve.h"

/* Even elements of eight, or odd ones, times 2^23. */
AOT_INLINE int32x4_t aot_even_x4(int16x8_t values)
{
    return vshlq_n_s32(vreinterpretq_s32_s16(values), 23);
}

AOT_INLINE int32x4_t aot_odd_x4(int16x8_t values)
{
    return vshlq_n_s32(vmovltq_s16(values), 23);
}

/* Four sums to outputs without the zero point, see aot_add_t. */
AOT_INLINE int32x4_t aot_add_finish_x4(int32x4_t sums, int32_t shift)
{
    return vrshlq_n_s32(vaddq_s32(sums, vshrq_n_s32(sums, 31)), -shift);
}

/* A step is 1, or 0 for an operand that is broadcast. Eight elements a trip where both are rows. */
static void aot_add_row_s8(const aot_add_t *layer, const int8_t *p0, int32_t step0, const int8_t *p1,
                           int32_t step1, int8_t *output, int32_t left)
{
    int32_t factor0 = layer->factor0, factor1 = layer->factor1, start = layer->start;
    int32_t shift = layer->shift, zero_point = layer->centre >> shift;

    if (step0 + step1 == 2) {
        for (; left >= 8; left -= 8) {
            int16x8_t values0 = vldrbq_s16(p0), values1 = vldrbq_s16(p1);
            int32x4_t even = vdupq_n_s32(start), odd = even;
            even = vqdmlahq_n_s32(even, aot_even_x4(values0), factor0);
            odd = vqdmlahq_n_s32(odd, aot_odd_x4(values0), factor0);
            even = vqdmlahq_n_s32(even, aot_even_x4(values1), factor1);
            odd = vqdmlahq_n_s32(odd, aot_odd_x4(values1), factor1);
            even = aot_add_finish_x4(even, shift);
            odd = aot_add_finish_x4(odd, shift);
            vstrbq_s16(output, aot_narrow(even, odd, zero_point));
            p0 += 8;
            p1 += 8;
            output += 8;
        }
    }
    aot_add_each_s8(layer, p0, step0, p1, step1, output, left);
}

#endif
