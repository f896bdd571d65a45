/* Division by Newton and Raphson's steps, as gemmlowp has it. */
#ifndef AOT_RECIPROCAL_H
#define AOT_RECIPROCAL_H

#include "aot_math.h"

/* A function, as there are many: a model has one such layer, and that is small. */
AOT_APART int32_t aot_multiply(int32_t a, int32_t b)
{
    return aot_multiply_high(a, b);
}

/* 1 / (1 + x) for x in [0, 1), both Q0.31: as in aot_softmax_s8.c. */
static int32_t aot_reciprocal_of_one_plus(int32_t x)
{
    int32_t half_denominator = x / 2 + (1 << 30);
    int32_t estimate = 1515870810 + aot_multiply(half_denominator, -1010580540);

    for (int32_t i = 0; i < 3; i++) {
        int32_t product = aot_multiply(half_denominator, estimate);
        estimate += 4 * aot_multiply(estimate, (1 << 29) - product);
    }
    return estimate < 1 << 30 ? 2 * estimate : INT32_MAX;
}

#endif
