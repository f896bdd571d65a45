#include "aot_small.h"

#include "aot_pool_window_s8.h"

#include "aot_dsp.h"

/* Four channels at a time, and then the rest. */
void aot_average_s8(const aot_pool_window_t *window, int8_t *y)
{
    int32_t count = window->rows * window->columns, c = 0;

    AOT_MEMORY_WRITTEN;
    for (; count <= AOT_MOST_IN_16_BITS && c + 4 <= window->channels; c += 4) {
        const int8_t *row = window->x + c;
        int32_t even = 0, odd = 0;
        for (int32_t left = window->rows; left > 0; left--) {
            const int8_t *x = row;
            for (int32_t k = window->columns; k > 0; k--) {
                int32_t values;
                AOT_LOAD(values, x, 0);
                __asm__ volatile("sxtab16 %0, %0, %1" : "+r"(even) : "r"(values));
                __asm__ volatile("sxtab16 %0, %0, %1, ror #8" : "+r"(odd) : "r"(values));
                x += window->channels;
            }
            row += window->line;
        }
        for (int32_t i = 0; i < 4; i++) {
            int32_t next = odd;
            y[c + i] = aot_average_of((int16_t)even, count);
            odd = even >> 16;
            even = next;
        }
    }
    for (; c < window->channels; c++) {
        y[c] = aot_average_of(aot_channel_sum(window, window->x + c), count);
    }
}

void aot_maximum_s8(const aot_pool_window_t *window, int8_t *y)
{
    int32_t c = 0;

    AOT_MEMORY_WRITTEN;
    for (; c + 4 <= window->channels; c += 4) {
        const int8_t *row = window->x + c;
        uint32_t most = UINT32_C(0x80808080);
        for (int32_t left = window->rows; left > 0; left--) {
            const int8_t *x = row;
            for (int32_t k = window->columns; k > 0; k--) {
                uint32_t values, difference;
                AOT_LOAD(values, x, 0);
                /* One statement, as the difference is of no use but for the flags. */
                __asm__ volatile("ssub8 %1, %2, %0\n\t"
                                 "sel %0, %2, %0"
                                 : "+r"(most), "=&r"(difference)
                                 : "r"(values)
                                 : "cc");
                x += window->channels;
            }
            row += window->line;
        }
        for (int32_t i = 0; i < 4; i++) {
            y[c + i] = (int8_t)(uint8_t)(most >> 8 * i);
        }
    }
    for (; c < window->channels; c++) {
        y[c] = aot_channel_most(window, window->x + c);
    }
}
