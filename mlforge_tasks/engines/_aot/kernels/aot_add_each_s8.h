/* ADD and SUB element by element, for what a core's row (aot_add_row_s8.h) leaves over. */
#ifndef AOT_ADD_EACH_S8_H
#define AOT_ADD_EACH_S8_H

#include "aot_binary_s8.h"

/* An operand at the common scale. */
AOT_INLINE int32_t aot_common(int8_t x, const aot_operand_t *operand)
{
    int32_t twice = (int32_t)((uint32_t)x << (operand->lift + 1)) - 2 * operand->zero_point;
    return aot_scale_fast(twice, operand->multiplier, aot_centre(0, operand->shift),
                          operand->shift);
}

/* p0 + sign * p1; a step is 1, or 0 for an operand that is broadcast. */
AOT_INLINE void aot_add_each_s8(const aot_add_t *layer, const int8_t *p0, int32_t step0,
                                const int8_t *p1, int32_t step1, int8_t *output, int32_t left,
                                int32_t sign)
{
    for (; left > 0; left--) {
        int32_t sum = aot_common(*p0, &layer->operand0) + sign * aot_common(*p1, &layer->operand1);
        *output++ = aot_finish(sum, layer->output.multiplier, layer->output.shift,
                               layer->output_zero_point);
        p0 += step0;
        p1 += step1;
    }
}

#endif
