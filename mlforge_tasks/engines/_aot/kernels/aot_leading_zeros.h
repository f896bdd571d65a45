/* Leading zeros of a word that is not 0. */
#ifndef AOT_LEADING_ZEROS_H
#define AOT_LEADING_ZEROS_H

#include "aot_math.h"

AOT_INLINE int32_t aot_leading_zeros(uint32_t value)
{
#if defined(__GNUC__)
    return __builtin_clz(value);
#else
    int32_t zeros = 0;

    for (; (value & UINT32_C(0x80000000)) == 0; value <<= 1) {
        zeros++;
    }
    return zeros;
#endif
}

#endif
