/* L2_NORMALIZATION along the last axis; the output's scale is 1/128. */
#ifndef AOT_NORMALISE_S8_H
#define AOT_NORMALISE_S8_H

#include "aot_math.h"

/* The generator has checked that the sum of a row's squares is an int32. */
typedef struct {
    int32_t rows, depth;
    int32_t input_zero_point;
} aot_normalise_t;

/* output may be the input. */
void aot_normalise_s8(const aot_normalise_t *layer, const int8_t *input, int8_t *output);

#endif
