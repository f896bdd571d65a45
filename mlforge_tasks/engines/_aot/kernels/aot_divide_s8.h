/* DIV of two int8 tensors, with broadcasting. */
#ifndef AOT_DIVIDE_S8_H
#define AOT_DIVIDE_S8_H

#include "aot_binary_s8.h"

/* The quotient's factor is multiplier * 2^(shift - 31). The generator has checked that no divisor is
 * 0, and that no quotient is shifted left, or right by more than 31 bits.
 */
typedef struct {
    aot_broadcast_t broadcast;
    int32_t zero_point0, zero_point1;
    int32_t multiplier, shift, output_zero_point;
} aot_divide_t;

/* output may be an operand that is not broadcast. */
void aot_divide_s8(const aot_divide_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);

#endif
