/* Depthwise sums of eight channels, the lanes of a vector, and how they become outputs. */
#ifndef AOT_LANES_H
#define AOT_LANES_H

#include "aot_mve.h"

/* Channels of a block, and words of its requantisation. */
#define BLOCK 8
#define REQUANT 18

/* Volatile as in aot_mve.h: GCC would keep what is to be added for later, in memory. */
#define ADD(sum, vector) __asm__ volatile("vadd.i16 %q0, %q0, %q1" : "+w"(sum) : "w"(vector))
#define ADD_EIGHTH(sum, vector)                                                                    \
    __asm__ volatile("vqdmlah.s16 %q0, %q1, %2" : "+w"(sum) : "w"(vector), "r"(1 << 12))

/* Eight bytes as 16-bit lanes, from an offset; and the next, moving on. */
#define LOAD(vector, from, offset)                                                                 \
    __asm__ volatile("vldrb.s16 %q0, [%1, %2]" : "=w"(vector) : "l"(from), "i"(offset))
#define LOAD_NEXT(vector, from, step)                                                              \
    __asm__ volatile("vldrb.s16 %q0, [%1], %2" : "=w"(vector), "+l"(from) : "i"(step))
/* Four words, and four bytes as words. */
#define LOAD_WORDS(vector, from, offset)                                                           \
    __asm__ volatile("vldrw.32 %q0, [%1, %2]" : "=w"(vector) : "r"(from), "i"(offset))
#define LOAD_BYTES(vector, from, offset)                                                           \
    __asm__ volatile("vldrb.s32 %q0, [%1, %2]" : "=w"(vector) : "l"(from), "i"(offset))

/* A sum of products in two parts of 16 bits: the sum modulo 2^16, and about an eighth of it, which
 * MOST_TAPS do not overflow.
 */
#define MOST_TAPS 16
typedef struct {
    int16x8_t low, eighth;
} sum_t;

/* `pair` is a sum of two products, which is below 2^15 as weights are not -128. */
AOT_INLINE sum_t first_pair(int16x8_t pair)
{
    sum_t sum = {pair, vshrq_n_s16(pair, 3)};
    return sum;
}

AOT_INLINE void add_pair(sum_t *sum, int16x8_t pair)
{
    ADD(sum->low, pair);
    ADD_EIGHTH(sum->eighth, pair);
}

/* The 32-bit sums of even and of odd channels. The eighth lacks one product at most and what was
 * rounded, times eight less than 2^15, so it tells the upper half.
 */
AOT_INLINE void join(sum_t sum, int32x4_t *sums)
{
    uint16x8_t low = vreinterpretq_u16_s16(sum.low);
    int16x8_t rest = vhsubq_s16(sum.eighth, vreinterpretq_s16_u16(vshrq_n_u16(low, 3)));
    int16x8_t upper = vrshrq_n_s16(rest, 12);
    uint32x4_t upper_odd = vreinterpretq_u32_s16(upper);
    sums[0] = vreinterpretq_s32_s16(vmovntq_s32(sum.low, vreinterpretq_s32_s16(upper)));
    sums[1] = vreinterpretq_s32_u32(vsriq_n_u32(upper_odd, vreinterpretq_u32_u16(low), 16));
}

AOT_INLINE void add_joined(sum_t sum, int32x4_t *sums)
{
    int32x4_t more[2];

    join(sum, more);
    sums[0] = vaddq_s32(sums[0], more[0]);
    sums[1] = vaddq_s32(sums[1], more[1]);
}

/* Adds the bias and scales; without a zero point. Where that is -128, `relu`, what is negative is all
 * -128, however it is rounded.
 */
AOT_INLINE int32x4_t scaled(int32x4_t acc, int32x4_t bias, int32x4_t multiplier, int32x4_t shift,
                            int relu)
{
    acc = vaddq_s32(acc, bias);
    int32x4_t product = vqrdmulhq_s32(acc, multiplier);
    return vrshlq_s32(relu ? product : vaddq_s32(product, vshrq_n_s32(acc, 31)), shift);
}

/* What the windows of a block of channels have in common; arrays as in aot_lanes_s8.h. */
typedef struct {
    const int8_t *weights;
    const int32_t *requant;
    int32_t zero_point;
    mve_pred16_t lanes;
} block_t;

/* The outputs of two windows, from the sums of even and odd channels. */
AOT_INLINE void finish(const block_t *block, const int32x4_t *a, const int32x4_t *b, int8_t *to_a,
                       int8_t *to_b, int relu)
{
    int32x4_t bias, multiplier, shift;

    LOAD_WORDS(bias, block->requant, 0);
    LOAD_WORDS(multiplier, block->requant, 32);
    LOAD_BYTES(shift, block->requant, 64);
    int32x4_t even_a = scaled(a[0], bias, multiplier, shift, relu);
    int32x4_t even_b = scaled(b[0], bias, multiplier, shift, relu);
    LOAD_WORDS(bias, block->requant, 16);
    LOAD_WORDS(multiplier, block->requant, 48);
    LOAD_BYTES(shift, block->requant, 68);
    int32x4_t odd_a = scaled(a[1], bias, multiplier, shift, relu);
    int32x4_t odd_b = scaled(b[1], bias, multiplier, shift, relu);
    vstrbq_p_s16(to_a, aot_narrow(even_a, odd_a, block->zero_point), block->lanes);
    vstrbq_p_s16(to_b, aot_narrow(even_b, odd_b, block->zero_point), block->lanes);
}

#endif
