/* Two int8 tensors element by element, with broadcasting, for what no network spends time in. */
#ifndef AOT_EACH_PAIR_S8_H
#define AOT_EACH_PAIR_S8_H

#include "aot_binary_s8.h"

typedef int8_t aot_pair_t(const void *layer, int32_t a, int32_t b);

/* The kernel's own function is a constant here, so that it becomes part of the loop. */
AOT_INLINE void aot_each_pair_s8(const aot_broadcast_t *by, const int8_t *x0, const int8_t *x1,
                                 int8_t *output, aot_pair_t *pair, const void *layer)
{
    for (int32_t i = 0; i < by->shape[0]; i++) {
        for (int32_t j = 0; j < by->shape[1]; j++) {
            for (int32_t k = 0; k < by->shape[2]; k++) {
                const int8_t *p0 = x0 + i * by->steps0[0] + j * by->steps0[1] + k * by->steps0[2];
                const int8_t *p1 = x1 + i * by->steps1[0] + j * by->steps1[1] + k * by->steps1[2];
                for (int32_t left = by->shape[3]; left > 0; left--) {
                    *output++ = pair(layer, *p0, *p1);
                    p0 += by->steps0[3];
                    p1 += by->steps1[3];
                }
            }
        }
    }
}

/* An operand at the common scale, as the reference rounds it. */
AOT_INLINE int32_t aot_common(int32_t x, const aot_operand_t *operand)
{
    int32_t twice = (int32_t)((uint32_t)x << (operand->lift + 1)) - 2 * operand->zero_point;
    return aot_scale_fast(twice, operand->multiplier, aot_centre(0, operand->shift),
                          operand->shift);
}

#endif
