/* FULLY_CONNECTED with weights of four bits, which stay packed in flash. */
#ifndef AOT_DENSE_S4_H
#define AOT_DENSE_S4_H

#include "aot_math.h"

/* weights    [channel][inputs / 2, rounded up], the first of two in the lower half of a byte; where
 *            inputs are odd the last half is 0
 * bias, multiplier, shift, step
 *            as of aot_dot_t: of every channel; or, where step is 1, one multiplier and shift
 */
typedef struct {
    const uint8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t step;
    int32_t rows, inputs, channels;
    int32_t zero_point;
} aot_dense_s4_t;

void aot_dense_s4(const aot_dense_s4_t *layer, const int8_t *input, int8_t *output);

#endif
