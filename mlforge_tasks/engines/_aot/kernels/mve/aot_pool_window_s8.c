#include "aot_pool_window_s8.h"

#include "aot_mve.h"

/* Sums of eight channels, fewer at the end. */
static void sum_few(const aot_pool_window_t *window, const int8_t *row, mve_pred16_t some,
                    int16_t *sums)
{
    int16x8_t sum = vdupq_n_s16(0);

    for (int32_t left = window->rows; left > 0; left--) {
        const int8_t *x = row;
        for (int32_t k = window->columns; k > 0; k--) {
            sum = vaddq_s16(sum, vldrbq_z_s16(x, some));
            x += window->channels;
        }
        row += window->line;
    }
    vst1q_s16(sums, sum);
}

void aot_average_s8(const aot_pool_window_t *window, int8_t *y)
{
    int32_t count = window->rows * window->columns;

    for (int32_t c = 0; c < window->channels; c += 8) {
        int32_t left = window->channels - c;
        int16_t sums[8];
        if (count <= AOT_MOST_IN_16_BITS) {
            sum_few(window, window->x + c, vctp16q((uint32_t)left), sums);
        }
        for (int32_t i = 0; i < 8 && i < left; i++) {
            int32_t sum = count <= AOT_MOST_IN_16_BITS ? sums[i] : aot_channel_sum(window, window->x + c + i);
            y[c + i] = aot_average_of(sum, count);
        }
    }
}

void aot_maximum_s8(const aot_pool_window_t *window, int8_t *y)
{
    for (int32_t c = 0; c < window->channels; c += 16) {
        mve_pred16_t some = vctp8q((uint32_t)(window->channels - c));
        const int8_t *row = window->x + c;
        int8x16_t most = vdupq_n_s8(-128);
        for (int32_t left = window->rows; left > 0; left--) {
            const int8_t *x = row;
            for (int32_t k = window->columns; k > 0; k--) {
                most = vmaxq_s8(most, vldrbq_z_s8(x, some));
                x += window->channels;
            }
            row += window->line;
        }
        vstrbq_p_s8(&y[c], most, some);
    }
}
