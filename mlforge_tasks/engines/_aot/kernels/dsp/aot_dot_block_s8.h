/* The inner block of inner products of four windows with a pair of channels. */
#ifndef AOT_DOT_BLOCK_S8_H
#define AOT_DOT_BLOCK_S8_H

#include "aot_dot_s8.h"
#include "aot_dsp.h"

/* Accumulators of window p: a<p> belongs to the first channel of a pair, b<p> to both, the second's
 * times 256 and the first's. Four windows take all 14 registers; kernels have
 * where packed windows end volatile, so that it lies on the stack instead of pushing an
 * accumulator there.
 */
#define FOUR_TWO_TAPS                                                                              \
    AOT_LOAD_NEXT(both, w);                                                                        \
    AOT_LOAD_NEXT_TWO(x0, x1, x);                                                                  \
    AOT_EVEN_BYTES(first, both);                                                                   \
    AOT_SMLAD(b0, both, x0);                                                                       \
    AOT_SMLAD(a0, first, x0);                                                                      \
    AOT_SMLAD(b1, both, x1);                                                                       \
    AOT_SMLAD(a1, first, x1);                                                                      \
    AOT_LOAD_NEXT_TWO(x0, x1, x);                                                                  \
    AOT_SMLAD(b2, both, x0);                                                                       \
    AOT_SMLAD(a2, first, x0);                                                                      \
    AOT_SMLAD(b3, both, x1);                                                                       \
    AOT_SMLAD(a3, first, x1);

/* As many taps as a second channel's sum takes without leaving 24 bits: 512 times 2^14 would. */
#define AOT_MOST_TAPS 496

/* The second channel's sum times 2^bits; bits up to 8. */
AOT_INLINE int32_t aot_second_sum(int32_t both, int32_t first, int32_t bits)
{
    return (int32_t)((uint32_t)both - (uint32_t)first) >> (8 - bits);
}

/* A pair of any form, or a channel alone: sums [2 channels][4 windows]; returns the next output. */
int8_t *aot_finish_pair_s8(const aot_dot_t *dot, const int32_t *requant, const int8_t *shift,
                           const int32_t *sums, int8_t *y);

#endif
