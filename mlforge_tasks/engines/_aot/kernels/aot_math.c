#include "aot_small.h"

#include "aot_math.h"

int8_t aot_requantise_wide(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    int32_t left = shift <= AOT_WIDE_RIGHT ? shift - AOT_WIDE_RIGHT : -shift;
    return aot_quantised(aot_scale(acc, multiplier, left), zero_point);
}
