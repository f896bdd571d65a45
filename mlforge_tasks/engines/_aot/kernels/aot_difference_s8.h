/* SQUARED_DIFFERENCE of two int8 tensors, with broadcasting. */
#ifndef AOT_DIFFERENCE_S8_H
#define AOT_DIFFERENCE_S8_H

#include "aot_binary_s8.h"

/* output   from the square, below 2^30, to the output's scale */
typedef struct {
    aot_broadcast_t broadcast;
    aot_operand_t operand0, operand1;
    aot_scale_t output;
    int32_t output_zero_point;
} aot_difference_t;

/* output may be an operand that is not broadcast. */
void aot_difference_s8(const aot_difference_t *layer, const int8_t *x0, const int8_t *x1,
                       int8_t *output);

#endif
