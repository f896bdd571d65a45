#include "aot_dot_each_s16.h"

#include <string.h>

#include "aot_dsp.h"

/* Four values as halves 0 and 2, 1 and 3, so that SXTB16 has the weights that belong to them. */
AOT_INLINE void load_four(const int16_t *x, uint32_t *even, uint32_t *odd)
{
    uint32_t first, second;

    memcpy(&first, x, 4);
    memcpy(&second, x + 2, 4);
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(*even) : "r"(first), "r"(second));
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(*odd) : "r"(second), "r"(first));
}

AOT_INLINE int32_t add_four(int32_t acc, const int8_t *weights, uint32_t even, uint32_t odd)
{
    uint32_t word, halves;

    memcpy(&word, weights, 4);
    AOT_EVEN_BYTES(halves, word);
    AOT_SMLAD(acc, halves, even);
    AOT_ODD_BYTES(halves, word);
    AOT_SMLAD(acc, halves, odd);
    return acc;
}

void aot_dot_four_s16(const int16_t *x, const int8_t *weights, int32_t step, int32_t taps,
                      int64_t sums[AOT_DOT_CHANNELS_S16])
{
    const int8_t *w0 = weights, *w1 = w0 + step, *w2 = w1 + step, *w3 = w2 + step;
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;

    for (; taps >= 4; taps -= 4) {
        uint32_t even, odd;
        load_four(x, &even, &odd);
        x += 4;
        a0 = add_four(a0, w0, even, odd);
        a1 = add_four(a1, w1, even, odd);
        a2 = add_four(a2, w2, even, odd);
        a3 = add_four(a3, w3, even, odd);
        w0 += 4;
        w1 += 4;
        w2 += 4;
        w3 += 4;
    }
    sums[0] += a0;
    sums[1] += a1;
    sums[2] += a2;
    sums[3] += a3;
    aot_dot_each_four_s16(x, w0, step, taps, sums);
}

void aot_dot_one_s16(const int16_t *x, const int8_t *weights, int32_t taps, int64_t *sum)
{
    int32_t a0 = 0;

    for (; taps >= 4; taps -= 4) {
        uint32_t even, odd;
        load_four(x, &even, &odd);
        a0 = add_four(a0, weights, even, odd);
        x += 4;
        weights += 4;
    }
    *sum += a0;
    aot_dot_each_one_s16(x, weights, taps, sum);
}
