#include "aot_small.h"

#include "aot_log_softmax_s8.h"

#define SUM_INTEGER_BITS 12

/* A function, as there are many: a model has one such layer, and that is small. */
AOT_APART int32_t multiply(int32_t a, int32_t b)
{
    return aot_multiply_high(a, b);
}

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

static int32_t shifted_left(int32_t value, int32_t bits)
{
    return value > INT32_MAX >> bits ? INT32_MAX : value << bits;
}

/* 1 / (1 + x) for x in [0, 1), both Q0.31, as SOFTMAX has it. */
static int32_t reciprocal_of_one_plus(int32_t x)
{
    int32_t half_denominator = x / 2 + (1 << 30);
    int32_t estimate = 1515870810 + multiply(half_denominator, -1010580540);

    for (int32_t i = 0; i < 3; i++) {
        int32_t product = multiply(half_denominator, estimate);
        estimate += 4 * multiply(estimate, (1 << 29) - product);
    }
    return estimate < 1 << 30 ? 2 * estimate : INT32_MAX;
}

/* The natural logarithm of a sum of 1 or more, Q12.19, in Q5.26, as TFLite Micro has it: of a power
 * of two, in Q6.25, and what is left of that, r in Q0.31 near 2^(-1/4), whose logarithm is a
 * rational function of its distance from there. r is the lesser of two that differ in the power.
 */
AOT_APART int32_t logarithm(int32_t sum)
{
    const int32_t sqrt_half = 1518500250, centre = 1805811301, quarter = 1 << 23;
    int32_t zeros = leading_zeros((uint32_t)sum);
    int32_t half_zeros = leading_zeros((uint32_t)multiply(sum, sqrt_half)) - 1;
    int32_t r = aot_smaller(shifted_left(multiply(sum << (zeros - 1), sqrt_half), 1),
                            shifted_left(sum, half_zeros));
    int32_t power = (SUM_INTEGER_BITS - zeros) * (1 << 25) + quarter;
    int32_t half_power = (SUM_INTEGER_BITS - half_zeros) * (1 << 25) - quarter;
    int32_t q = 2 * (r - centre);
    int32_t square = multiply(q, q);
    int32_t numerator = multiply(q, r) + multiply(multiply(q, square), 117049297);
    int32_t mean = (int32_t)(((int64_t)r + centre + 1) / 2);
    int32_t denominator = multiply(mean, 1057819769 + q + multiply(127690142, square)) +
                          multiply(638450708, q);
    int32_t result = multiply(power > half_power ? power : half_power, 1488522236);

    result += multiply(aot_round_shift(numerator, 6), reciprocal_of_one_plus(denominator));
    return 2 * result;
}

static int32_t largest(const int8_t *x, int32_t depth)
{
    int32_t most = -128;

    for (int32_t i = 0; i < depth; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

void aot_log_softmax_s8(const aot_log_softmax_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < layer->rows; row++) {
        int32_t most = largest(input, layer->depth);
        int32_t sum = 0;
        for (int32_t i = 0; i < layer->depth; i++) {
            int32_t distance = most - input[i];
            sum += distance < layer->count ? layer->exponentials[distance] : 0;
        }
        int32_t log = logarithm(sum);
        /* What is further from the largest does not fit into Q5.26 with the logarithm taken away. */
        int32_t reach = -aot_scale(log + INT32_MIN, layer->back.multiplier, layer->back.shift) - 1;
        reach = aot_smaller(reach, layer->reach);
        for (int32_t i = 0; i < layer->depth; i++) {
            int32_t distance = most - input[i];
            int32_t made = -128;
            if (distance <= reach) {
                int32_t exponent = multiply(-distance * layer->step, layer->multiplier);
                made = aot_round_shift(exponent - log, 22) + 127;
            }
            output[i] = aot_saturate(made);
        }
        input += layer->depth;
        output += layer->depth;
    }
}
