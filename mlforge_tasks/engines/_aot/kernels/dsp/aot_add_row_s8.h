/* A row of ADD or SUB. */
#ifndef AOT_ADD_ROW_S8_H
#define AOT_ADD_ROW_S8_H

#include <string.h>

#include "aot_add_each_s8.h"
#include "aot_dsp.h"

/* acc + floor(factor * one half of halves / 2^16); B is the low half, T the high one. */
#define AOT_SMLAW(half, sum, factor, halves, acc)                                                  \
    __asm__("smlaw" #half " %0, %1, %2, %3" : "=r"(sum) : "r"(factor), "r"(halves), "r"(acc))

/* Bytes 1 and 3 of a word, each times 256, as two 16-bit halves. */
AOT_INLINE int32_t aot_upper_bytes(uint32_t word)
{
    return (int32_t)(word & UINT32_C(0xFF00FF00));
}

/* A step is 1, or 0 for an operand that is broadcast. Four elements a trip where both are rows. */
static void aot_add_row_s8(const aot_add_t *layer, const int8_t *p0, int32_t step0, const int8_t *p1,
                           int32_t step1, int8_t *output, int32_t left)
{
    int32_t factor0 = layer->factor0, factor1 = layer->factor1, start = layer->start;
    int32_t centre = layer->centre, shift = layer->shift;

    if (step0 + step1 == 2) {
        for (; left >= 4; left -= 4) {
            uint32_t word0, word1;
            int32_t sum0, sum1, sum2, sum3;
            memcpy(&word0, p0, sizeof word0);
            memcpy(&word1, p1, sizeof word1);
            AOT_SMLAW(b, sum0, factor0, aot_upper_bytes(word0 << 8), start);
            AOT_SMLAW(t, sum2, factor0, aot_upper_bytes(word0 << 8), start);
            AOT_SMLAW(b, sum1, factor0, aot_upper_bytes(word0), start);
            AOT_SMLAW(t, sum3, factor0, aot_upper_bytes(word0), start);
            AOT_SMLAW(b, sum0, factor1, aot_upper_bytes(word1 << 8), sum0);
            AOT_SMLAW(t, sum2, factor1, aot_upper_bytes(word1 << 8), sum2);
            AOT_SMLAW(b, sum1, factor1, aot_upper_bytes(word1), sum1);
            AOT_SMLAW(t, sum3, factor1, aot_upper_bytes(word1), sum3);
            output[0] = aot_add_finish(sum0, centre, shift);
            output[1] = aot_add_finish(sum1, centre, shift);
            output[2] = aot_add_finish(sum2, centre, shift);
            output[3] = aot_add_finish(sum3, centre, shift);
            p0 += 4;
            p1 += 4;
            output += 4;
        }
    }
    aot_add_each_s8(layer, p0, step0, p1, step1, output, left);
}

#endif
