#include "aot_dot_s8.h"

#include <string.h>

#include "aot_dsp.h"

/* Accumulator a<p><c> belongs to window p and channel c of the block. Four windows with two
 * channels take all 14 registers; the packed windows' end is volatile so that it lies on the stack
 * instead of pushing an accumulator there.
 */
#define FOUR_TWO_TAPS                                                                              \
    AOT_LOAD_NEXT(w0, w);                                                                          \
    AOT_LOAD_NEXT_TWO(x0, x1, x);                                                                  \
    AOT_ODD_BYTES(w1, w0);                                                                         \
    AOT_EVEN_BYTES(w0, w0);                                                                        \
    AOT_SMLAD(a00, w0, x0);                                                                        \
    AOT_SMLAD(a01, w1, x0);                                                                        \
    AOT_SMLAD(a10, w0, x1);                                                                        \
    AOT_SMLAD(a11, w1, x1);                                                                        \
    AOT_LOAD_NEXT_TWO(x0, x1, x);                                                                  \
    AOT_SMLAD(a20, w0, x0);                                                                        \
    AOT_SMLAD(a21, w1, x0);                                                                        \
    AOT_SMLAD(a30, w0, x1);                                                                        \
    AOT_SMLAD(a31, w1, x1);

#define ONE_FOUR_TAPS                                                                              \
    AOT_LOAD_NEXT_TWO(x0, x1, x);                                                                  \
    AOT_LOAD_NEXT_TWO(w0, w1, w);                                                                  \
    AOT_EVEN_BYTES(pair, w0);                                                                      \
    AOT_SMLAD(a00, pair, x0);                                                                      \
    AOT_ODD_BYTES(pair, w0);                                                                       \
    AOT_SMLAD(a01, pair, x0);                                                                      \
    AOT_EVEN_BYTES(pair, w1);                                                                      \
    AOT_SMLAD(a00, pair, x1);                                                                      \
    AOT_ODD_BYTES(pair, w1);                                                                       \
    AOT_SMLAD(a01, pair, x1);

/* One channel of four windows, `step` bytes apart. */
AOT_INLINE void finish_four(int32_t a0, int32_t a1, int32_t a2, int32_t a3, int32_t multiplier,
                            int32_t shift, int32_t zero_point, int8_t *y, int32_t step)
{
    if (shift <= 0) {
        y[0] = aot_requantise_wide(a0, multiplier, shift, zero_point);
        y[step] = aot_requantise_wide(a1, multiplier, shift, zero_point);
        y[2 * step] = aot_requantise_wide(a2, multiplier, shift, zero_point);
        y[3 * step] = aot_requantise_wide(a3, multiplier, shift, zero_point);
    } else {
        int32_t centre = aot_centre(zero_point, shift);
        y[0] = aot_requantise(a0, multiplier, centre, shift);
        y += step;
        y[0] = aot_requantise(a1, multiplier, centre, shift);
        y[step] = aot_requantise(a2, multiplier, centre, shift);
        y += step;
        y[step] = aot_requantise(a3, multiplier, centre, shift);
    }
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

AOT_APART void dot_four(const aot_dot_t *dot, const int8_t *packed, int8_t *y)
{
    const int8_t *w = dot->weights, *shift = dot->shift;
    const int32_t *requant = dot->bias;
    /* Copies, because a store of int8 might change what a pointer points to. */
    int32_t bytes = 8 * dot->runs * dot->pitch;
    int32_t channels = dot->channels, zero_point = dot->zero_point;

    AOT_MEMORY_WRITTEN;
    for (int32_t left = channels; left > 0; left -= 2) {
        const int8_t *x = packed;
        const int8_t *volatile end = packed + (bytes & ~127);
        int32_t x0, x1, w0, w1;
        int32_t a00 = requant[0], a01 = left > 1 ? requant[2] : 0;
        int32_t a10 = a00, a11 = a01, a20 = a00, a21 = a01, a30 = a00, a31 = a01;
        while (x != end) {
            FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS
            FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS
        }
        end = packed + bytes;
        while (x != end) {
            FOUR_TWO_TAPS FOUR_TWO_TAPS
        }
        finish_four(a00, a10, a20, a30, requant[1], shift[0], zero_point, y, channels);
        if (left > 1) {
            finish_four(a01, a11, a21, a31, requant[3], shift[1], zero_point, y + 1, channels);
        }
        requant += 4;
        shift += 2;
        y += 2;
    }
}

AOT_APART void dot_one(const aot_dot_t *dot, const int8_t *packed, int8_t *y)
{
    const int8_t *w = dot->weights, *shifts = dot->shift;
    const int32_t *bias = dot->bias, *multipliers = dot->multiplier;
    int32_t bytes = 2 * dot->runs * dot->pitch, step = dot->step, zero_point = dot->zero_point;
    int32_t multiplier = *multipliers, shift = *shifts;
    int32_t centre = shift > 0 ? aot_centre(zero_point, shift) : 0;

    AOT_MEMORY_WRITTEN;
    for (int32_t left = dot->channels; left > 0; left -= 2) {
        const int8_t *x = packed, *end = packed + (bytes & ~31);
        int32_t x0, x1, w0, w1, pair;
        int32_t a00 = bias[0], a01 = left > 1 ? bias[step] : 0;
        while (x != end) {
            ONE_FOUR_TAPS ONE_FOUR_TAPS ONE_FOUR_TAPS ONE_FOUR_TAPS
        }
        end = packed + bytes;
        while (x != end) {
            ONE_FOUR_TAPS
        }
        if (step == 1) {
            y[0] = aot_requantise(a00, multiplier, centre, shift);
            if (left > 1) {
                y[1] = aot_requantise(a01, multiplier, centre, shift);
            }
        } else {
            y[0] = aot_finish(a00, multipliers[0], shifts[0], zero_point);
            if (left > 1) {
                y[1] = aot_finish(a01, multipliers[2], shifts[1], zero_point);
            }
            multipliers += 4;
            shifts += 2;
        }
        bias += 2 * step;
        y += 2;
    }
}

void aot_dot_packed_s8(const aot_dot_t *dot, const int8_t *packed, int32_t group, int8_t *y)
{
    if (group == 4) {
        dot_four(dot, packed, y);
    } else {
        dot_one(dot, packed, y);
    }
}
