#include "aot_dot_s8.h"

/* The register blocks are spelt out because an array of accumulators stays in memory at -Os.
 * Accumulator a<p><c> belongs to window p and channel c of the block. A pair of windows with four
 * channels takes 14 registers, all that Armv7-M has; `end` is volatile so that it lies on the
 * stack instead of pushing an accumulator there.
 */
#define PAIR_CHANNEL(c, w, step, k)                                                                \
    weight = (w)[(k) * (step) + (c)];                                                              \
    AOT_MAC(a0##c, weight, value0);                                                                \
    AOT_MAC(a1##c, weight, value1);
#define PAIR_TAP4(k)                                                                               \
    value0 = x0[k];                                                                                \
    value1 = x1[k];                                                                                \
    PAIR_CHANNEL(0, w, 4, k)                                                                       \
    PAIR_CHANNEL(1, w, 4, k)                                                                       \
    PAIR_CHANNEL(2, w, 4, k)                                                                       \
    PAIR_CHANNEL(3, w, 4, k)
#define PAIR_TAP1(k)                                                                               \
    value0 = x0[k];                                                                                \
    value1 = x1[k];                                                                                \
    PAIR_CHANNEL(0, w, 1, k)
#define ONE_CHANNEL(c, w, step, k)                                                                 \
    weight = (w)[(k) * (step) + (c)];                                                              \
    AOT_MAC(a0##c, weight, value0);
#define ONE_TAP4(k)                                                                                \
    value0 = x0[k];                                                                                \
    ONE_CHANNEL(0, w, 4, k)                                                                        \
    ONE_CHANNEL(1, w, 4, k)                                                                        \
    ONE_CHANNEL(2, w, 4, k)                                                                        \
    ONE_CHANNEL(3, w, 4, k)
#define ONE_TAP1(k)                                                                                \
    value0 = x0[k];                                                                                \
    ONE_CHANNEL(0, w, 1, k)

/* Walks a window, four taps a trip; ADVANCE moves the window pointers. */
#define FOR_EACH_TAP(TAP, channels, ADVANCE)                                                       \
    for (int32_t r = window->runs; r > 0; r--) {                                                   \
        const int8_t *volatile end = x0 + (window->run & ~3);                                      \
        while (x0 != end) {                                                                        \
            TAP(0) TAP(1) TAP(2) TAP(3)                                                            \
            ADVANCE(4);                                                                            \
            w += 4 * (channels);                                                                   \
        }                                                                                          \
        end = x0 + (window->run & 3);                                                              \
        while (x0 != end) {                                                                        \
            TAP(0)                                                                                 \
            ADVANCE(1);                                                                            \
            w += (channels);                                                                       \
        }                                                                                          \
        ADVANCE(window->step - window->run);                                                       \
    }
#define ADVANCE_ONE(n) x0 += (n)
#define ADVANCE_PAIR(n)                                                                            \
    x0 += (n);                                                                                     \
    x1 += (n)

AOT_INLINE int8_t finish(int32_t acc, const aot_requant_t *requant, int32_t zero_point)
{
    int32_t shift = requant->shift;
    if (shift <= 0) {
        return aot_requantise_wide(acc, requant, zero_point);
    }
    return aot_requantise(acc, requant->multiplier, aot_centre(zero_point, shift), shift);
}

/* Two outputs of one channel. */
AOT_INLINE void finish_pair(int32_t acc0, int32_t acc1, const aot_requant_t *requant,
                            int32_t zero_point, int8_t *y0, int8_t *y1)
{
    int32_t shift = requant->shift;
    if (shift <= 0) {
        *y0 = aot_requantise_wide(acc0, requant, zero_point);
        *y1 = aot_requantise_wide(acc1, requant, zero_point);
    } else {
        int32_t centre = aot_centre(zero_point, shift);
        *y0 = aot_requantise(acc0, requant->multiplier, centre, shift);
        *y1 = aot_requantise(acc1, requant->multiplier, centre, shift);
    }
}

void aot_dot_one_s8(const aot_dot_t *dot, const aot_window_t *window, const int8_t *x, int8_t *y)
{
    const int8_t *w = dot->weights;
    const aot_requant_t *requant = dot->requant;
    int32_t left = dot->channels;

    for (; left >= 4; left -= 4) {
        const int8_t *x0 = x;
        int32_t value0, weight;
        int32_t a00 = requant[0].bias, a01 = requant[1].bias;
        int32_t a02 = requant[2].bias, a03 = requant[3].bias;
        FOR_EACH_TAP(ONE_TAP4, 4, ADVANCE_ONE)
        y[0] = finish(a00, &requant[0], dot->zero_point);
        y[1] = finish(a01, &requant[1], dot->zero_point);
        y[2] = finish(a02, &requant[2], dot->zero_point);
        y[3] = finish(a03, &requant[3], dot->zero_point);
        requant += 4;
        y += 4;
    }
    for (; left > 0; left--) {
        const int8_t *x0 = x;
        int32_t value0, weight;
        int32_t a00 = requant->bias;
        FOR_EACH_TAP(ONE_TAP1, 1, ADVANCE_ONE)
        *y++ = finish(a00, requant++, dot->zero_point);
    }
}

void aot_dot_pair_s8(const aot_dot_t *dot, const aot_window_t *window, const int8_t *x_first,
                     const int8_t *x_second, int8_t *y0, int8_t *y1)
{
    const int8_t *w = dot->weights;
    const aot_requant_t *requant = dot->requant;
    int32_t left = dot->channels;

    for (; left >= 4; left -= 4) {
        const int8_t *x0 = x_first, *x1 = x_second;
        int32_t value0, value1, weight;
        int32_t a00 = requant[0].bias, a01 = requant[1].bias;
        int32_t a02 = requant[2].bias, a03 = requant[3].bias;
        int32_t a10 = a00, a11 = a01, a12 = a02, a13 = a03;
        FOR_EACH_TAP(PAIR_TAP4, 4, ADVANCE_PAIR)
        finish_pair(a00, a10, &requant[0], dot->zero_point, &y0[0], &y1[0]);
        finish_pair(a01, a11, &requant[1], dot->zero_point, &y0[1], &y1[1]);
        finish_pair(a02, a12, &requant[2], dot->zero_point, &y0[2], &y1[2]);
        finish_pair(a03, a13, &requant[3], dot->zero_point, &y0[3], &y1[3]);
        requant += 4;
        y0 += 4;
        y1 += 4;
    }
    for (; left > 0; left--) {
        const int8_t *x0 = x_first, *x1 = x_second;
        int32_t value0, value1, weight;
        int32_t a00 = requant->bias, a10 = a00;
        FOR_EACH_TAP(PAIR_TAP1, 1, ADVANCE_PAIR)
        finish_pair(a00, a10, requant++, dot->zero_point, y0++, y1++);
    }
}
