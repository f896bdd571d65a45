/* Inner products of int16 values with int8 weights. */
#ifndef AOT_DOT_S16_H
#define AOT_DOT_S16_H

#include <stdint.h>

#define AOT_DOT_CHANNELS_S16 4

/* The most taps at a time, whose products are summed in 32 bits: 2^8 of at most 2^22 each. */
#define AOT_DOT_TAPS_S16 256

/* Adds to each of four sums what `taps` values give with a channel's weights, which begin `step`
 * bytes behind those of the channel before.
 */
void aot_dot_four_s16(const int16_t *x, const int8_t *weights, int32_t step, int32_t taps,
                      int64_t sums[AOT_DOT_CHANNELS_S16]);

/* The same for one channel. */
void aot_dot_one_s16(const int16_t *x, const int8_t *weights, int32_t taps, int64_t *sum);

#endif
