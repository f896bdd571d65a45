#include "aot_math.h"

int8_t aot_requantise_wide(int32_t acc, const aot_requant_t *requant, int32_t zero_point)
{
    int32_t shift = requant->shift <= AOT_WIDE_RIGHT ? requant->shift - AOT_WIDE_RIGHT
                                                     : -requant->shift;
    return aot_quantised(aot_scale(acc, requant->multiplier, shift), zero_point);
}
