#include "aot_dot_s8.h"

#include <string.h>

#include "aot_dot_block_s8.h"

/* One window and two pairs, whose accumulators are a<pair> and b<pair>. */
#define ONE_FOUR_TAPS(w, a, b)                                                                     \
    AOT_LOAD_NEXT_TWO(even, odd, w);                                                               \
    AOT_SMLAD(b, even, x0);                                                                        \
    AOT_EVEN_BYTES(even, even);                                                                    \
    AOT_SMLAD(a, even, x0);                                                                        \
    AOT_SMLAD(b, odd, x1);                                                                         \
    AOT_EVEN_BYTES(odd, odd);                                                                      \
    AOT_SMLAD(a, odd, x1);
#define ONE_FOUR_TAPS_OF_TWO                                                                       \
    AOT_LOAD_NEXT_TWO(x0, x1, x);                                                                  \
    ONE_FOUR_TAPS(w0, a0, b0)                                                                      \
    ONE_FOUR_TAPS(w1, a1, b1)

/* One channel of four windows, of the fast form, from doubled accumulators. */
#define FINISH_FOUR(a0, a1, a2, a3, multiplier, shift, y)                                          \
    do {                                                                                           \
        int32_t centre = odd_centre << ((shift) - 1);                                              \
        a0 = aot_scale_fast(a0, multiplier, centre, shift);                                        \
        a1 = aot_scale_fast(a1, multiplier, centre, shift);                                        \
        AOT_STORE_SATURATED(a0, "[%1]", y, step);                                                  \
        AOT_STORE_SATURATED(a1, "[%1, %2]", y, step);                                              \
        a2 = aot_scale_fast(a2, multiplier, centre, shift);                                        \
        a3 = aot_scale_fast(a3, multiplier, centre, shift);                                        \
        AOT_STORE_SATURATED(a2, "[%1, %2, lsl #1]", y, step);                                      \
        AOT_STORE_SATURATED(a3, "[%1, %2, lsl #1]", y + step, step);                               \
    } while (0)

int8_t *aot_finish_pair_s8(const aot_dot_t *dot, const int32_t *requant, const int8_t *shift,
                           const int32_t *sums, int8_t *y)
{
    for (int32_t channel = 0; channel < 2; channel++) {
        if (*shift != AOT_NO_CHANNEL) {
            for (int32_t window = 0; window < 4; window++) {
                y[window * dot->channels] =
                    aot_finish(sums[window], requant[1], *shift, dot->zero_point);
            }
            y++;
        }
        requant += 2;
        shift++;
        sums += 4;
    }
    return y;
}

AOT_INLINE void widen(int32_t word, int32_t *to, int32_t stride)
{
    int32_t even, odd;
    __asm__("sxtb16 %0, %1" : "=r"(even) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(word));
    to[0] = even;
    to[stride] = odd;
}

/* Unaligned loads are one instruction on these cores. */
AOT_INLINE int32_t load_word(const int8_t *x)
{
    int32_t word;
    memcpy(&word, x, sizeof word);
    return word;
}

AOT_INLINE void pack(const aot_dot_t *dot, const int8_t *x, int32_t step, int32_t *to,
                     int32_t stride)
{
    int32_t runs = dot->runs, run = dot->run;

    if (step == run && run == dot->pitch) { /* neighbours, and no zeros between them */
        run *= runs;
        runs = 1;
    }
    for (; runs > 0; runs--) {
        const int8_t *from = x;
        int32_t left = run;
        for (; left >= 16; left -= 16) {
            widen(load_word(from), to, stride);
            widen(load_word(from + 4), to + 2 * stride, stride);
            widen(load_word(from + 8), to + 4 * stride, stride);
            widen(load_word(from + 12), to + 6 * stride, stride);
            from += 16;
            to += 8 * stride;
        }
        for (; left >= 4; left -= 4) {
            widen(load_word(from), to, stride);
            from += 4;
            to += 2 * stride;
        }
        if (left > 0) {
            uint32_t word = (uint8_t)from[0];
            word |= left > 1 ? (uint32_t)(uint8_t)from[1] << 8 : 0;
            word |= left > 2 ? (uint32_t)(uint8_t)from[2] << 16 : 0;
            widen((int32_t)word, to, stride);
            to += 2 * stride;
        }
        x += step;
    }
}

void aot_pack_s8(const aot_dot_t *dot, const int8_t *x, int32_t step, int8_t *packed, int32_t slot,
                 int32_t group)
{
    int32_t *to = (int32_t *)(void *)packed + slot;
    if (group == 4) {
        pack(dot, x, step, to, 4);
    } else {
        pack(dot, x, step, to, 1);
    }
}

AOT_INLINE uint32_t load_half(const int8_t *x)
{
    uint16_t half;
    memcpy(&half, x, sizeof half);
    return half;
}

/* What the first channel's sum starts with, and the one of both. */
AOT_INLINE int32_t both_biases(int32_t first, int32_t second)
{
    return (int32_t)((uint32_t)first + ((uint32_t)second << 8));
}

void aot_dot_four_s8(const aot_dot_t *dot, const int8_t *packed, int8_t *y)
{
    const int8_t *w = dot->weights, *shifts = dot->shift;
    const int32_t *requant = dot->bias;
    /* What is volatile stays on the stack, where it is read once a turn. */
    int32_t bytes = 8 * dot->runs * dot->pitch;
    const int8_t *volatile whole_end = packed + (bytes & ~127), *volatile end = packed + bytes;
    volatile int32_t step_bytes = dot->channels, odd = 2 * dot->zero_point + 1;

    AOT_MEMORY_WRITTEN;
    for (int32_t pairs = dot->pairs; pairs > 0; pairs--) {
        const int8_t *x = packed;
        int32_t x0, x1, both, first;
        int32_t a0 = requant[0], a1 = a0, a2 = a0, a3 = a0;
        int32_t b0 = both_biases(a0, requant[2]), b1 = b0, b2 = b0, b3 = b0;
        while (x != whole_end) {
            FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS
            FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS
        }
        while (x != end) {
            FOUR_TWO_TAPS FOUR_TWO_TAPS
        }
        uint32_t shift = load_half(shifts);
        if ((shift & 0x8080) == 0) { /* both of the fast form */
            int32_t step = step_bytes, odd_centre = odd;
            b0 = aot_second_sum(b0, a0, 1), a0 += a0;
            b1 = aot_second_sum(b1, a1, 1), a1 += a1;
            b2 = aot_second_sum(b2, a2, 1), a2 += a2;
            b3 = aot_second_sum(b3, a3, 1), a3 += a3;
            FINISH_FOUR(a0, a1, a2, a3, requant[1], (int32_t)(shift & 0xFF), y);
            y++;
            FINISH_FOUR(b0, b1, b2, b3, requant[3], (int32_t)(shift >> 8), y);
            y++;
        } else {
            int32_t sums[8] = {
                a0,
                a1,
                a2,
                a3,
                aot_second_sum(b0, a0, 0),
                aot_second_sum(b1, a1, 0),
                aot_second_sum(b2, a2, 0),
                aot_second_sum(b3, a3, 0),
            };
            y = aot_finish_pair_s8(dot, requant, shifts, sums, y);
        }
        requant += 4;
        shifts += 2;
    }
    AOT_MEMORY_WRITTEN;
}

AOT_APART void dot_one(const aot_dot_t *dot, const int8_t *packed, int8_t *y)
{
    const int8_t *w0 = dot->weights, *shifts = dot->shift;
    const int32_t *bias = dot->bias, *multipliers = dot->multiplier;
    int32_t taps = dot->runs * dot->pitch, step = dot->step, zero_point = dot->zero_point;
    int32_t left = dot->channels, pairs = dot->pairs;

    AOT_MEMORY_WRITTEN;
    for (;;) {
        const int8_t *x = packed, *w1 = pairs > 1 ? w0 + 2 * taps : w0;
        int32_t sums[4] = {0, 0, 0, 0};
        for (int32_t to_go = taps; to_go > 0;) {
            int32_t now = aot_smaller(to_go, AOT_MOST_TAPS);
            int32_t x0, x1, even, odd, a0 = 0, a1 = 0, b0 = 0, b1 = 0;
            const int8_t *end = x + 2 * (now & ~15);
            to_go -= now;
            while (x != end) {
                ONE_FOUR_TAPS_OF_TWO ONE_FOUR_TAPS_OF_TWO
                ONE_FOUR_TAPS_OF_TWO ONE_FOUR_TAPS_OF_TWO
            }
            end = x + 2 * (now & 15);
            while (x != end) {
                ONE_FOUR_TAPS_OF_TWO
            }
            sums[0] += a0;
            sums[1] += aot_second_sum(b0, a0, 0);
            sums[2] += a1;
            sums[3] += aot_second_sum(b1, a1, 0);
        }
        for (int32_t i = 0; i < 4; i++) {
            if (*shifts != AOT_NO_CHANNEL) {
                *y++ = aot_finish(sums[i] + *bias, *multipliers, *shifts, zero_point);
                if (--left == 0) {
                    return;
                }
            }
            bias += step;
            multipliers += 2 * (step - 1);
            shifts += step - 1;
        }
        pairs -= 2;
        w0 = w1;
    }
}

void aot_dot_packed_s8(const aot_dot_t *dot, const int8_t *packed, int32_t group, int8_t *y)
{
    if (group == 4) {
        dot->four(dot, packed, y);
    } else {
        dot_one(dot, packed, y);
    }
}
