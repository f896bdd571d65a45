/* REDUCE_MIN over neighbouring axes of an int8 tensor. */
#ifndef AOT_LEAST_S8_H
#define AOT_LEAST_S8_H

#include "aot_math.h"

/* The input is [outer, count, inner]; the least is taken over the middle. */
void aot_least_s8(int32_t outer, int32_t count, int32_t inner, const int8_t *input,
                  int8_t *output);

#endif
