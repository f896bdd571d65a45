#include "aot_small.h"

#include "aot_leading_zeros.h"
#include "aot_log_softmax_s8.h"
#include "aot_reciprocal.h"

#define SUM_INTEGER_BITS 12

static int32_t shifted_left(int32_t value, int32_t bits)
{
    return value > INT32_MAX >> bits ? INT32_MAX : value << bits;
}

/* The natural logarithm of a sum of 1 or more, Q12.19, in Q5.26, as TFLite Micro has it: of a power
 * of two, in Q6.25, and what is left of that, r in Q0.31 near 2^(-1/4), whose logarithm is a
 * rational function of its distance from there. r is the lesser of two that differ in the power.
 */
AOT_APART int32_t logarithm(int32_t sum)
{
    const int32_t sqrt_half = 1518500250, centre = 1805811301, quarter = 1 << 23;
    int32_t zeros = aot_leading_zeros((uint32_t)sum);
    int32_t half_zeros = aot_leading_zeros((uint32_t)aot_multiply(sum, sqrt_half)) - 1;
    int32_t r = aot_smaller(shifted_left(aot_multiply(sum << (zeros - 1), sqrt_half), 1),
                            shifted_left(sum, half_zeros));
    int32_t power = (SUM_INTEGER_BITS - zeros) * (1 << 25) + quarter;
    int32_t half_power = (SUM_INTEGER_BITS - half_zeros) * (1 << 25) - quarter;
    int32_t q = 2 * (r - centre);
    int32_t square = aot_multiply(q, q);
    int32_t numerator = aot_multiply(q, r) + aot_multiply(aot_multiply(q, square), 117049297);
    int32_t mean = (int32_t)(((int64_t)r + centre + 1) / 2);
    int32_t denominator = aot_multiply(mean, 1057819769 + q + aot_multiply(127690142, square)) +
                          aot_multiply(638450708, q);
    int32_t result = aot_multiply(power > half_power ? power : half_power, 1488522236);

    result += aot_multiply(aot_round_shift(numerator, 6), aot_reciprocal_of_one_plus(denominator));
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
                int32_t exponent = aot_multiply(-distance * layer->step, layer->multiplier);
                made = aot_round_shift(exponent - log, 22) + 127;
            }
            output[i] = aot_saturate(made);
        }
        input += layer->depth;
        output += layer->depth;
    }
}
