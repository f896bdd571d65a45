#include "aot_dot_each_s16.h"

void aot_dot_four_s16(const int16_t *x, const int8_t *weights, int32_t step, int32_t taps,
                      int64_t sums[AOT_DOT_CHANNELS_S16])
{
    aot_dot_each_four_s16(x, weights, step, taps, sums);
}

void aot_dot_one_s16(const int16_t *x, const int8_t *weights, int32_t taps, int64_t *sum)
{
    aot_dot_each_one_s16(x, weights, taps, sum);
}
