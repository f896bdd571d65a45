/* Elementwise maps of int8: LOGISTIC, TANH, RELU, RELU6, QUANTIZE, and fused activations. */
#ifndef AOT_MAP_S8_H
#define AOT_MAP_S8_H

#include "aot_math.h"

/* output[i] = table[input[i] + 128]; output may be input. */
void aot_lookup_s8(const int8_t table[256], int32_t count, const int8_t *input, int8_t *output);

/* Clamps into [low, high]; output may be input. */
void aot_clamp_s8(int32_t low, int32_t high, int32_t count, const int8_t *input, int8_t *output);

#endif
