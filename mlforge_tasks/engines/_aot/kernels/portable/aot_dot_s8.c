#include "aot_dot_s8.h"

#include "aot_sums_s8.h"

/* The register blocks are spelt out because an array of accumulators stays in memory at -Os.
 * Accumulator a<p><c> belongs to window p and channel c of the block. A pair of windows with four
 * channels takes 14 registers, all that Armv7-M has; there the window's end is volatile, so that
 * it lies on the stack instead of pushing an accumulator there.
 */
#define PAIR_CHANNEL(c)                                                                            \
    AOT_LOAD_NEXT_BYTE(weight, w);                                                                 \
    AOT_MAC(a0##c, weight, value0);                                                                \
    AOT_MAC(a1##c, weight, value1);
#define PAIR_TAP                                                                                   \
    AOT_LOAD_NEXT_BYTE(value0, x0);                                                                \
    AOT_LOAD_NEXT_BYTE(value1, x1);                                                                \
    PAIR_CHANNEL(0)                                                                                \
    PAIR_CHANNEL(1)                                                                                \
    PAIR_CHANNEL(2)                                                                                \
    PAIR_CHANNEL(3)
#define PAIR_TAP_OF_LAST                                                                           \
    AOT_LOAD_NEXT_BYTE(value0, x0);                                                                \
    AOT_LOAD_NEXT_BYTE(value1, x1);                                                                \
    PAIR_CHANNEL(0)
#define SKIP_PAIR(n)                                                                               \
    x0 += (n);                                                                                     \
    x1 += (n)

#define ONE_CHANNEL(c)                                                                             \
    AOT_LOAD_NEXT_BYTE(weight, w);                                                                 \
    AOT_MAC(a0##c, weight, value0);
#define ONE_TAP                                                                                    \
    AOT_LOAD_NEXT_BYTE(value0, x0);                                                                \
    ONE_CHANNEL(0)                                                                                 \
    ONE_CHANNEL(1)                                                                                 \
    ONE_CHANNEL(2)                                                                                 \
    ONE_CHANNEL(3)
#define ONE_TAP_OF_LAST                                                                            \
    AOT_LOAD_NEXT_BYTE(value0, x0);                                                                \
    ONE_CHANNEL(0)
#define SKIP_ONE(n) x0 += (n)

/* Walks a window for four channels, sixteen taps a trip. */
#define FOR_EACH_TAP(TAP, SKIP, qualifier)                                                         \
    for (int32_t r = window->runs; r > 0; r--) {                                                   \
        const int8_t *qualifier end = x0 + (window->run & ~15);                                    \
        while (x0 != end) {                                                                        \
            TAP TAP TAP TAP TAP TAP TAP TAP                                                        \
            TAP TAP TAP TAP TAP TAP TAP TAP                                                        \
        }                                                                                          \
        end = x0 + (window->run & 12);                                                             \
        while (x0 != end) {                                                                        \
            TAP TAP TAP TAP                                                                        \
        }                                                                                          \
        end = x0 + (window->run & 3);                                                              \
        while (x0 != end) {                                                                        \
            TAP                                                                                    \
        }                                                                                          \
        SKIP(window->step - window->run);                                                          \
    }

/* Walks a window for one channel, for the at most three that are left over. */
#define FOR_EACH_TAP_OF_LAST(TAP, SKIP)                                                            \
    for (int32_t r = window->runs; r > 0; r--) {                                                   \
        const int8_t *end = x0 + window->run;                                                      \
        while (x0 != end) {                                                                        \
            TAP                                                                                    \
        }                                                                                          \
        SKIP(window->step - window->run);                                                          \
    }

/* The sums of a block of four channels: of one window, and of a pair. */
#ifdef AOT_NEON
#define SUM_ONE                                                                                    \
    int32x4_t block = {a00, a01, a02, a03};                                                        \
    w = aot_sums_one_s8(window, w, x0, &block);                                                    \
    a00 = block[0], a01 = block[1], a02 = block[2], a03 = block[3];
#define SUM_PAIR                                                                                   \
    int32x4_t sums0 = {a00, a01, a02, a03}, sums1 = {a10, a11, a12, a13};                          \
    w = aot_sums_pair_s8(window, w, x0, x1, &sums0, &sums1);                                       \
    a00 = sums0[0], a01 = sums0[1], a02 = sums0[2], a03 = sums0[3];                                \
    a10 = sums1[0], a11 = sums1[1], a12 = sums1[2], a13 = sums1[3];
#else
#define SUM_ONE                                                                                    \
    int32_t value0, weight;                                                                        \
    FOR_EACH_TAP(ONE_TAP, SKIP_ONE, )
#define SUM_PAIR                                                                                   \
    int32_t value0, value1, weight;                                                                \
    FOR_EACH_TAP(PAIR_TAP, SKIP_PAIR, volatile)
#endif

/* Two outputs of one channel. */
AOT_INLINE void finish_pair(int32_t acc0, int32_t acc1, int32_t multiplier, int32_t shift,
                            int32_t zero_point, int8_t *y0, int8_t *y1)
{
    if (shift <= 0) {
        *y0 = aot_requantise_wide(acc0, multiplier, shift, zero_point);
        *y1 = aot_requantise_wide(acc1, multiplier, shift, zero_point);
    } else {
        int32_t centre = aot_centre(zero_point, shift);
        *y0 = aot_requantise(acc0, multiplier, centre, shift);
        *y1 = aot_requantise(acc1, multiplier, centre, shift);
    }
}

void aot_dot_one_s8(const aot_dot_t *dot, const aot_window_t *window, const int8_t *x, int8_t *y)
{
    const int8_t *w = dot->weights, *shifts = dot->shift;
    const int32_t *bias = dot->bias, *multipliers = dot->multiplier;
    int32_t left = dot->channels, zero_point = dot->zero_point, step = dot->step;
    int32_t multiplier = *multipliers, shift = *shifts;
    int32_t centre = shift > 0 ? aot_centre(zero_point, shift) : 0;

    AOT_MEMORY_WRITTEN;
    for (; left >= 4; left -= 4) {
        const int8_t *x0 = x;
        int32_t a00 = bias[0], a01 = bias[step], a02 = bias[2 * step], a03 = bias[3 * step];
        SUM_ONE
        if (step == 1) {
            y[0] = aot_requantise(a00, multiplier, centre, shift);
            y[1] = aot_requantise(a01, multiplier, centre, shift);
            y[2] = aot_requantise(a02, multiplier, centre, shift);
            y[3] = aot_requantise(a03, multiplier, centre, shift);
        } else {
            int32_t sums[4] = {a00, a01, a02, a03};
            for (int32_t i = 0; i < 4; i++) { /* rare, so it is small */
                y[i] = aot_finish(sums[i], *multipliers, *shifts++, zero_point);
                multipliers += 2;
            }
        }
        bias += 4 * step;
        y += 4;
    }
    for (; left > 0; left--) {
        const int8_t *x0 = x;
        int32_t value0, weight;
        int32_t a00 = *bias;
        FOR_EACH_TAP_OF_LAST(ONE_TAP_OF_LAST, SKIP_ONE)
        *y++ = aot_finish(a00, *multipliers, *shifts, zero_point);
        if (step != 1) {
            multipliers += 2;
            shifts++;
        }
        bias += step;
    }
}

void aot_dot_pair_s8(const aot_dot_t *dot, const aot_window_t *window, const int8_t *x_first,
                     const int8_t *x_second, int8_t *y0, int8_t *y1)
{
    const int8_t *w = dot->weights, *shift = dot->shift;
    const int32_t *requant = dot->bias;
    int32_t left = dot->channels, zero_point = dot->zero_point;

    AOT_MEMORY_WRITTEN;
    for (; left >= 4; left -= 4) {
        const int8_t *x0 = x_first, *x1 = x_second;
        int32_t a00 = requant[0], a01 = requant[2], a02 = requant[4], a03 = requant[6];
        int32_t a10 = a00, a11 = a01, a12 = a02, a13 = a03;
        SUM_PAIR
        finish_pair(a00, a10, requant[1], shift[0], zero_point, &y0[0], &y1[0]);
        finish_pair(a01, a11, requant[3], shift[1], zero_point, &y0[1], &y1[1]);
        finish_pair(a02, a12, requant[5], shift[2], zero_point, &y0[2], &y1[2]);
        finish_pair(a03, a13, requant[7], shift[3], zero_point, &y0[3], &y1[3]);
        requant += 8;
        shift += 4;
        y0 += 4;
        y1 += 4;
    }
    for (; left > 0; left--) {
        const int8_t *x0 = x_first, *x1 = x_second;
        int32_t value0, value1, weight;
        int32_t a00 = requant[0], a10 = a00;
        FOR_EACH_TAP_OF_LAST(PAIR_TAP_OF_LAST, SKIP_PAIR)
        finish_pair(a00, a10, requant[1], *shift++, zero_point, y0++, y1++);
        requant += 2;
    }
}
