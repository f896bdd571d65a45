#include "aot_softmax_s8.h"

/* The sum of exponentials is kept in Q12.19. */
#define SUM_INTEGER_BITS 12

static int32_t leading_zeros(uint32_t value)
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

static int32_t multiply_by_power_of_two_saturated(int32_t value, int32_t exponent)
{
    int64_t result = (int64_t)value * (INT64_C(1) << exponent);

    if (result > INT32_MAX) {
        return INT32_MAX;
    }
    return result < INT32_MIN ? INT32_MIN : (int32_t)result;
}

/* 1 / (1 + x) for x in [0, 1), both Q0.31: Newton-Raphson division on the half denominator, as in
 * gemmlowp; the start value is 48/17 - 32/17 * d, quantities named x are Q2.29.
 */
static int32_t reciprocal_of_one_plus(int32_t x)
{
    int32_t half_denominator = x / 2 + (1 << 30);
    int32_t estimate = 1515870810 + aot_multiply_high(half_denominator, -1010580540);

    for (int32_t i = 0; i < 3; i++) {
        int32_t product = aot_multiply_high(half_denominator, estimate);
        int32_t correction = aot_multiply_high(estimate, (1 << 29) - product);
        estimate += multiply_by_power_of_two_saturated(correction, 2);
    }
    return multiply_by_power_of_two_saturated(estimate, 1);
}

static int32_t largest(const int8_t *x, int32_t depth)
{
    int32_t most = -128;

    for (int32_t i = 0; i < depth; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

void aot_softmax_s8(const aot_softmax_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < layer->rows; row++) {
        int32_t most = largest(input, layer->depth);
        int32_t sum = 0;
        for (int32_t i = 0; i < layer->depth; i++) {
            sum += aot_round_shift(layer->exponentials[most - input[i]], SUM_INTEGER_BITS);
        }
        int32_t zeros = leading_zeros((uint32_t)sum);
        uint32_t mantissa = ((uint32_t)sum << zeros) - UINT32_C(0x80000000);
        int32_t scale = reciprocal_of_one_plus((int32_t)mantissa);
        int32_t exponent = SUM_INTEGER_BITS - zeros + 31 - 8;
        for (int32_t i = 0; i < layer->depth; i++) {
            int32_t product = aot_multiply_high(scale, layer->exponentials[most - input[i]]);
            output[i] = aot_saturate(aot_round_shift(product, exponent) - 128);
        }
        input += layer->depth;
        output += layer->depth;
    }
}
