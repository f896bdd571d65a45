/* SOFTMAX over the last axis of an int8 tensor; the output has scale 1/256, zero point -128. */
#ifndef AOT_SOFTMAX_S8_H
#define AOT_SOFTMAX_S8_H

#include "aot_math.h"

/* step, multiplier  a distance times step * multiplier / 2^31 is the exponent in Q5.26
 * reach             exponentials of greater distances are 0
 */
typedef struct {
    int32_t rows, depth;
    int32_t step, multiplier;
    int32_t reach;
} aot_softmax_t;

/* output may be input; scratch: a row's exponentials, four bytes each. */
void aot_softmax_s8(const aot_softmax_t *layer, const int8_t *input, int8_t *output,
                    int8_t *scratch);

#endif
