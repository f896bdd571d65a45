#include "aot_small.h"

#include "aot_divide_s8.h"
#include "aot_each_pair_s8.h"
#include "aot_leading_zeros.h"

/* 1 / (1 + x) for x in [0, 1), both Q0.31: as in aot_softmax_s8.c. */
static int32_t reciprocal_of_one_plus(int32_t x)
{
    int32_t half_denominator = x / 2 + (1 << 30);
    int32_t estimate = 1515870810 + aot_multiply_high(half_denominator, -1010580540);

    for (int32_t i = 0; i < 3; i++) {
        int32_t product = aot_multiply_high(half_denominator, estimate);
        estimate += 4 * aot_multiply_high(estimate, (1 << 29) - product);
    }
    return estimate < 1 << 30 ? 2 * estimate : INT32_MAX;
}

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
    int32_t inverse = reciprocal_of_one_plus((int32_t)(shifted - UINT32_C(0x80000000)));
    /* Sign bits behind the first. */
    uint32_t magnitude = (uint32_t)(dividend < 0 ? ~dividend : dividend);
    int32_t headroom = magnitude == 0 ? 31 : aot_leading_zeros(magnitude) - 1;
    int32_t unscaled = aot_multiply_high((int32_t)((uint32_t)dividend << headroom), inverse);
    int32_t right = headroom + (31 - zeros) - layer->shift;
    int32_t scaled = aot_round_shift(aot_multiply_high(unscaled, layer->multiplier), right);
    return aot_saturate(scaled + layer->output_zero_point);
}

void aot_divide_s8(const aot_divide_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    aot_each_pair_s8(&layer->broadcast, x0, x1, output, quotient, layer);
}
