/* PAD and CONCATENATION of int8 tensors. */
#ifndef AOT_COPY_S8_H
#define AOT_COPY_S8_H

#include "aot_math.h"

/* Copies `count` runs of `run` bytes, `step` apart in the output. */
void aot_copy_runs_s8(int32_t count, int32_t run, int32_t step, const int8_t *input,
                      int8_t *output);

typedef struct {
    int32_t input[4];
    int32_t before[4];
    int32_t output[4];
    int32_t value;
} aot_pad_t;

/* Puts the input into the middle of the output and `value` around it. */
void aot_pad_s8(const aot_pad_t *layer, const int8_t *input, int8_t *output);

#endif
