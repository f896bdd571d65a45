/* Inner products of int8 windows with all output channels of a layer, sixteen taps an instruction
 * (VMLADAVA), for cores with MVE.
 *
 * A packed window is its taps one after the other, up to a multiple of sixteen.
 */
#ifndef AOT_DOT_S8_H
#define AOT_DOT_S8_H

#include "aot_math.h"

/* bias, multiplier, shift
 *            the first channel's (aot_math.h)
 * step       from a bias or multiplier to the next: 2; or 1 where there are only biases, as all
 *            channels have one multiplier and shift of the fast form (single windows only)
 * fast         whether all channels have the fast form
 * weights      [channel / 2][tap / 16][2 channels][16 taps], 0 where there is no tap
 * runs, run    a window is `runs` contiguous runs of `run` bytes
 */
typedef struct {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t step;
    int32_t channels;
    int32_t zero_point;
    int32_t fast;
    int32_t runs, run;
} aot_dot_t;

/* Packs a window whose runs lie `step` bytes apart as number `slot` of a group. */
void aot_pack_s8(const aot_dot_t *dot, const int8_t *x, int32_t step, int8_t *packed, int32_t slot,
                 int32_t group);

/* All output channels of some windows that lie `pitch` bytes apart, y[window][channel]. */
void aot_dot_s8(const aot_dot_t *dot, const int8_t *x, int32_t pitch, int32_t windows, int8_t *y);

AOT_INLINE int32_t aot_packed_bytes(const aot_dot_t *dot)
{
    return (dot->runs * dot->run + 15) & ~15;
}

/* How many of some windows make a group. */
AOT_INLINE int32_t aot_group_s8(const aot_dot_t *dot, int32_t windows)
{
    if (windows >= 8 && aot_packed_bytes(dot) <= 64) {
        int32_t room = 1024 / aot_packed_bytes(dot) & ~7;
        return windows < room ? windows : room;
    }
    return windows >= 4 ? 4 : 1;
}

/* All output channels of a group of packed windows. */
AOT_INLINE void aot_dot_packed_s8(const aot_dot_t *dot, const int8_t *packed, int32_t group,
                                  int8_t *y)
{
    aot_dot_s8(dot, packed, aot_packed_bytes(dot), group, y);
}

#endif
