/* SOFTMAX over the last axis of an int8 tensor; the output has scale 1/256, zero point -128. */
#ifndef AOT_SOFTMAX_S8_H
#define AOT_SOFTMAX_S8_H

#include "aot_math.h"

/* exponentials[d] is exp(-d * scale * beta) in Q0.31, 256 of them. */
typedef struct {
    const int32_t *exponentials;
    int32_t rows, depth;
} aot_softmax_t;

/* output may be input. */
void aot_softmax_s8(const aot_softmax_t *layer, const int8_t *input, int8_t *output);

#endif
