#include "aot_map_s8.h"

void aot_lookup_s8(const int8_t table[256], int32_t count, const int8_t *input, int8_t *output)
{
    const int8_t *middle = table + 128;

    for (; count > 0; count--) {
        *output++ = middle[*input++];
    }
}

void aot_clamp_s8(int32_t low, int32_t high, int32_t count, const int8_t *input, int8_t *output)
{
    for (; count > 0; count--) {
        *output++ = (int8_t)aot_clamp(*input++, low, high);
    }
}
