/* Arithmetic of int16 tensors, whose zero points are 0; bit-equal to TFLite Micro's reference. */
#ifndef AOT_MATH_S16_H
#define AOT_MATH_S16_H

#include "aot_math.h"

/* How an accumulator becomes an int16, for every output channel.
 *
 * multiplier, shift
 *            multiplier < 2^15: accumulator * multiplier / 2^shift, rounded half up once, as the
 *            reference does behind 64-bit biases; the shift is from 8 to 46.
 *            Larger ones: as aot_scale has it, for accumulators that the generator has checked to
 *            fit 32 bits; the shift is from -31 to 30.
 * low, high  of the output, where a fused activation leaves less than int16.
 */
typedef struct {
    const int64_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t low, high;
} aot_requant_s16_t;

AOT_INLINE int16_t aot_finish_s16(const aot_requant_s16_t *by, int32_t channel, int64_t sum)
{
    int32_t multiplier = by->multiplier[channel], shift = by->shift[channel], scaled;

    sum += by->bias[channel];
    if (multiplier < 1 << 15) {
        scaled = (int32_t)((sum * multiplier + (INT64_C(1) << (shift - 1))) >> shift);
    } else {
        scaled = aot_scale((int32_t)sum, multiplier, shift);
    }
    return (int16_t)aot_clamp(scaled, by->low, by->high);
}

#endif
