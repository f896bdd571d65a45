#include "aot_small.h"

#include "aot_leading_zeros.h"
#include "aot_normalise_s8.h"

/* What an output's step of 1/128 is in bits. */
#define OUTPUT_BITS 7

static int32_t multiply(int32_t a, int32_t b)
{
    return aot_multiply_high(a, b);
}

/* value * 2^bits, saturated. */
static int32_t raise(int32_t value, int32_t bits)
{
    int64_t raised = (int64_t)value * (1 << bits);
    return raised > INT32_MAX ? INT32_MAX : (raised < INT32_MIN ? INT32_MIN : (int32_t)raised);
}

/* 1 / sqrt(value) in Q0.31, times 2^-right: five of Newton's steps in Q3.28, as in the reference. */
static int32_t inverse_root(int32_t value, int32_t *right)
{
    if (value <= 1) {
        *right = 0;
        return INT32_MAX;
    }
    *right = 11;
    for (; value >= 1 << 29; value /= 4) {
        *right += 1;
    }
    int32_t pairs = (aot_leading_zeros((uint32_t)value) - 1) / 2 - 1;
    int32_t half = ((value << 2 * pairs >> 1) + 1) >> 1;
    int32_t x = 1 << 28;
    for (int32_t i = 0; i < 5; i++) {
        int32_t cube = raise(multiply(multiply(x, x), x), 6);
        x = raise(multiply(3 << 27, x) - multiply(half, cube), 3);
    }
    *right -= pairs;
    return multiply(x, 1518500250); /* sqrt(1 / 2) */
}

void aot_normalise_s8(const aot_normalise_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < layer->rows; row++) {
        int32_t sum = 0, right;
        for (int32_t i = 0; i < layer->depth; i++) {
            int32_t step = input[i] - layer->input_zero_point;
            sum += step * step;
        }
        int32_t root = inverse_root(sum, &right);
        int32_t multiplier = right < 0 ? (int32_t)((uint32_t)root << -right) : root;
        int32_t shift = OUTPUT_BITS - (right < 0 ? 0 : right);
        for (int32_t i = 0; i < layer->depth; i++) {
            int32_t step = input[i] - layer->input_zero_point;
            output[i] = aot_saturate(aot_scale(step, multiplier, shift));
        }
        input += layer->depth;
        output += layer->depth;
    }
}
