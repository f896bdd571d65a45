#include "aot_small.h"

#include "aot_softmax_s8.h"

/* The sum of exponentials is kept in Q12.19. */
#define SUM_INTEGER_BITS 12
#define SUM_HALF (UINT32_C(1) << (SUM_INTEGER_BITS - 1))

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

/* 1 / (1 + x) for x in [0, 1), both Q0.31: Newton-Raphson division on the half denominator, as in
 * gemmlowp; the start value is 48/17 - 32/17 * d, quantities named x are Q2.29. It is off by 1/17
 * at most, so no correction overflows.
 */
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

/* exp(-distance * scale * beta) in Q0.31, as in gemmlowp: a polynomial of fourth degree around -1/8
 * for the part of the last quarter, times exp(-2^e) for each bit of the number of whole quarters.
 * The terms that are halved and quartered are not below 0.
 */
static int32_t exponential(const aot_softmax_t *layer, int32_t distance)
{
    static const int32_t powers[] = {1672461947, 1302514674, 790015084, 290630308,
                                     39332535,   720401,     242};
    const int32_t quarter = 1 << 24, minus_eighth = 1895147668;
    int32_t value = multiply(-distance * layer->step, layer->multiplier);

    if (value == 0) {
        return INT32_MAX;
    }
    int32_t in_quarter = (value & (quarter - 1)) - quarter;
    int32_t x = in_quarter * 32 + (1 << 28);
    int32_t square = multiply(x, x);
    int32_t cube = multiply(square, x);
    int32_t tail = multiply(((multiply(square, square) + 2) >> 2) + cube, 715827883);
    int32_t result = minus_eighth + multiply(minus_eighth, x + ((tail + square + 1) >> 1));
    const int32_t *power = powers;
    for (int32_t quarters = (in_quarter - value) >> 24; quarters > 0; quarters >>= 1) {
        if (quarters & 1) {
            result = multiply(result, *power);
        }
        power++;
    }
    return result;
}

static int32_t largest(const int8_t *x, int32_t depth)
{
    int32_t most = -128;

    for (int32_t i = 0; i < depth; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

void aot_softmax_s8(const aot_softmax_t *layer, const int8_t *input, int8_t *output,
                    int8_t *scratch)
{
    int32_t *exponentials = (int32_t *)(void *)scratch;

    for (int32_t row = 0; row < layer->rows; row++) {
        int32_t most = largest(input, layer->depth);
        uint32_t sum = 0;
        for (int32_t i = 0; i < layer->depth; i++) {
            int32_t distance = most - input[i];
            exponentials[i] = distance <= layer->reach ? exponential(layer, distance) : 0;
            sum += ((uint32_t)exponentials[i] + SUM_HALF) >> SUM_INTEGER_BITS;
        }
        int32_t zeros = leading_zeros(sum);
        int32_t scale = reciprocal_of_one_plus((int32_t)((sum << zeros) - UINT32_C(0x80000000)));
        /* All but the last bit of 31 - 8 and those of the sum; a product has 31. */
        int32_t shift = aot_smaller(SUM_INTEGER_BITS - zeros + 31 - 8 - 1, 31);
        for (int32_t i = 0; i < layer->depth; i++) {
            int32_t rounded = ((multiply(scale, exponentials[i]) >> shift) + 1) >> 1;
            output[i] = aot_saturate(rounded - 128);
        }
        input += layer->depth;
        output += layer->depth;
    }
}
