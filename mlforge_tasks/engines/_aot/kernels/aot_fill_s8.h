/* Sets bytes. C libraries for small cores do that byte by byte. */
#ifndef AOT_FILL_S8_H
#define AOT_FILL_S8_H

#include <string.h>

#include "aot_math.h"

/* A word to any address; one instruction on Armv7-M and later. */
AOT_INLINE void aot_store_word(int8_t *to, uint32_t word)
{
    memcpy(to, &word, sizeof word);
}

AOT_INLINE void aot_fill_s8(int8_t *to, int32_t value, int32_t bytes)
{
    uint32_t word = UINT32_C(0x01010101) * (uint8_t)value;

    for (; bytes >= 16; bytes -= 16) {
        aot_store_word(to, word);
        aot_store_word(to + 4, word);
        aot_store_word(to + 8, word);
        aot_store_word(to + 12, word);
        to += 16;
    }
    for (; bytes >= 4; bytes -= 4) {
        aot_store_word(to, word);
        to += 4;
    }
    for (; bytes > 0; bytes--) {
        *to++ = (int8_t)value;
    }
}

#endif
