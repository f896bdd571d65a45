/* Inner products of one or two windows with a block of four output channels, [tap][4], by NEON:
 * eight taps a trip, each weight widened once. Sums of integers are the same in any order. */
#ifndef AOT_SUMS_S8_H
#define AOT_SUMS_S8_H

#include "aot_dot_s8.h"

#if defined(__ARM_NEON) && !defined(__ARM_BIG_ENDIAN)
#define AOT_NEON 1

#include <arm_neon.h>
#include <string.h>

/* Weights of eight taps, as pairs of them. */
typedef struct {
    int16x8_t taps[4];
} aot_eight_t;

AOT_INLINE aot_eight_t eight_of(const int8_t *w)
{
    int8x16_t first = vld1q_s8(w), second = vld1q_s8(w + 16);
    return (aot_eight_t){{vmovl_s8(vget_low_s8(first)), vmovl_s8(vget_high_s8(first)),
                          vmovl_s8(vget_low_s8(second)), vmovl_s8(vget_high_s8(second))}};
}

AOT_INLINE int32x4_t add_eight(int32x4_t sums, const aot_eight_t *weights, const int8_t *x)
{
    int16x8_t values = vmovl_s8(vld1_s8(x));
    int16x4_t low = vget_low_s16(values), high = vget_high_s16(values);
    sums = vmlal_lane_s16(sums, vget_low_s16(weights->taps[0]), low, 0);
    sums = vmlal_lane_s16(sums, vget_high_s16(weights->taps[0]), low, 1);
    sums = vmlal_lane_s16(sums, vget_low_s16(weights->taps[1]), low, 2);
    sums = vmlal_lane_s16(sums, vget_high_s16(weights->taps[1]), low, 3);
    sums = vmlal_lane_s16(sums, vget_low_s16(weights->taps[2]), high, 0);
    sums = vmlal_lane_s16(sums, vget_high_s16(weights->taps[2]), high, 1);
    sums = vmlal_lane_s16(sums, vget_low_s16(weights->taps[3]), high, 2);
    return vmlal_lane_s16(sums, vget_high_s16(weights->taps[3]), high, 3);
}

AOT_INLINE int16x4_t one_tap(const int8_t *w)
{
    int32_t four;
    memcpy(&four, w, sizeof four);
    return vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four))));
}

/* Adds to a window's sums; returns what lies behind the block's weights. */
AOT_INLINE const int8_t *aot_sums_one_s8(const aot_window_t *window, const int8_t *w,
                                         const int8_t *x, int32x4_t *sums)
{
    for (int32_t r = window->runs; r > 0; r--) {
        int32_t left = window->run;
        for (; left >= 8; left -= 8) {
            aot_eight_t weights = eight_of(w);
            *sums = add_eight(*sums, &weights, x);
            w += 32;
            x += 8;
        }
        for (; left > 0; left--) {
            *sums = vmlal_n_s16(*sums, one_tap(w), *x++);
            w += 4;
        }
        x += window->step - window->run;
    }
    return w;
}

AOT_INLINE const int8_t *aot_sums_pair_s8(const aot_window_t *window, const int8_t *w,
                                          const int8_t *x0, const int8_t *x1, int32x4_t *sums0,
                                          int32x4_t *sums1)
{
    for (int32_t r = window->runs; r > 0; r--) {
        int32_t left = window->run;
        for (; left >= 8; left -= 8) {
            aot_eight_t weights = eight_of(w);
            *sums0 = add_eight(*sums0, &weights, x0);
            *sums1 = add_eight(*sums1, &weights, x1);
            w += 32;
            x0 += 8;
            x1 += 8;
        }
        for (; left > 0; left--) {
            int16x4_t weights = one_tap(w);
            *sums0 = vmlal_n_s16(*sums0, weights, *x0++);
            *sums1 = vmlal_n_s16(*sums1, weights, *x1++);
            w += 4;
        }
        x0 += window->step - window->run;
        x1 += window->step - window->run;
    }
    return w;
}

#endif
#endif
