#include "aot_dot_long_s8.h"

#include "aot_dot_block_s8.h"

void aot_dot_four_long_s8(const aot_dot_t *dot, const int8_t *packed, int8_t *y)
{
    const int8_t *w = dot->weights, *shifts = dot->shift;
    const int32_t *requant = dot->bias;
    int32_t bytes = 8 * dot->taps;

    AOT_MEMORY_WRITTEN;
    for (int32_t pairs = dot->pairs; pairs > 0; pairs--) {
        const int8_t *x = packed;
        int32_t second = requant[2];
        int32_t sums[8] = {0, 0, 0, 0, second, second, second, second};
        int32_t x0, x1, both, first, a0 = requant[0], a1 = a0, a2 = a0, a3 = a0;
        for (int32_t left = bytes; left > 0; left -= 8 * AOT_MOST_TAPS) {
            int32_t b0 = a0, b1 = a1, b2 = a2, b3 = a3;
            int32_t now = aot_smaller(left, 8 * AOT_MOST_TAPS);
            const int8_t *volatile end = x + (now & ~127);
            while (x != end) {
                FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS
                FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS
            }
            end = x + (now & 127);
            while (x != end) {
                FOUR_TWO_TAPS FOUR_TWO_TAPS
            }
            sums[4] += aot_second_sum(b0, a0, 0);
            sums[5] += aot_second_sum(b1, a1, 0);
            sums[6] += aot_second_sum(b2, a2, 0);
            sums[7] += aot_second_sum(b3, a3, 0);
        }
        sums[0] = a0;
        sums[1] = a1;
        sums[2] = a2;
        sums[3] = a3;
        y = aot_finish_pair_s8(dot, requant, shifts, sums, y);
        requant += 4;
        shifts += 2;
    }
}
