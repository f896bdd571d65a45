#include "aot_small.h"

#include "aot_divide_s8.h"
#include "aot_each_pair_s8.h"
#include "aot_leading_zeros.h"
#include "aot_reciprocal.h"

static int8_t quotient(const void *of, int32_t a, int32_t b)
{
    const aot_divide_t *layer = of;
    int32_t dividend = a - layer->zero_point0, divisor = b - layer->zero_point1;

    if (divisor < 0) {
        dividend = -dividend;
        divisor = -divisor;
    }
    int32_t zeros = aot_leading_zeros((uint32_t)divisor);
    uint32_t shifted = (uint32_t)divisor << zeros;
    int32_t inverse = aot_reciprocal_of_one_plus((int32_t)(shifted - UINT32_C(0x80000000)));
    /* Sign bits behind the first. */
    uint32_t magnitude = (uint32_t)(dividend < 0 ? ~dividend : dividend);
    int32_t headroom = magnitude == 0 ? 31 : aot_leading_zeros(magnitude) - 1;
    int32_t unscaled = aot_multiply((int32_t)((uint32_t)dividend << headroom), inverse);
    int32_t right = headroom + (31 - zeros) - layer->shift;
    int32_t scaled = aot_round_shift(aot_multiply(unscaled, layer->multiplier), right);
    return aot_saturate(scaled + layer->output_zero_point);
}

void aot_divide_s8(const aot_divide_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    aot_each_pair_s8(&layer->broadcast, x0, x1, output, quotient, layer);
}
