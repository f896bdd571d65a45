/* Inner products of int16 values tap by tap, for what a core's file leaves over. */
#ifndef AOT_DOT_EACH_S16_H
#define AOT_DOT_EACH_S16_H

#include "aot_dot_s16.h"
#include "aot_math.h"

/* As aot_dot_four_s16. */
AOT_INLINE void aot_dot_each_four_s16(const int16_t *x, const int8_t *weights, int32_t step,
                                      int32_t taps, int64_t sums[AOT_DOT_CHANNELS_S16])
{
    const int8_t *w0 = weights, *w1 = w0 + step, *w2 = w1 + step, *w3 = w2 + step;
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;

    for (; taps > 0; taps--) {
        int32_t value = *x++;
        a0 += value * *w0++;
        a1 += value * *w1++;
        a2 += value * *w2++;
        a3 += value * *w3++;
    }
    sums[0] += a0;
    sums[1] += a1;
    sums[2] += a2;
    sums[3] += a3;
}

/* As aot_dot_one_s16. */
AOT_INLINE void aot_dot_each_one_s16(const int16_t *x, const int8_t *weights, int32_t taps,
                                     int64_t *sum)
{
    int32_t a0 = 0;

    for (; taps > 0; taps--) {
        a0 += *x++ * *weights++;
    }
    *sum += a0;
}

#endif
