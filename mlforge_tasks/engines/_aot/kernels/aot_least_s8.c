#include "aot_small.h"

#include "aot_least_s8.h"

void aot_least_s8(int32_t outer, int32_t count, int32_t inner, const int8_t *input,
                  int8_t *output)
{
    for (; outer > 0; outer--) {
        for (int32_t j = 0; j < inner; j++) {
            const int8_t *x = input + j;
            int8_t least = 127;
            for (int32_t left = count; left > 0; left--) {
                least = *x < least ? *x : least;
                x += inner;
            }
            *output++ = least;
        }
        input += count * inner;
    }
}
