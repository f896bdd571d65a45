/* MAXIMUM and MINIMUM of two int8 tensors of one scale, with broadcasting. */
#ifndef AOT_EXTREME_S8_H
#define AOT_EXTREME_S8_H

#include "aot_binary_s8.h"

/* sign     1 for the greater, -1 for the smaller */
typedef struct {
    aot_broadcast_t broadcast;
    int32_t sign;
} aot_extreme_t;

/* output may be an operand that is not broadcast. */
void aot_extreme_s8(const aot_extreme_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);

#endif
