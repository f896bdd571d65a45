/* LOG_SOFTMAX over the last axis of an int8 tensor; the output has scale 1/16, zero point 127. */
#ifndef AOT_LOG_SOFTMAX_S8_H
#define AOT_LOG_SOFTMAX_S8_H

#include "aot_math.h"

/* exponentials       of distances from the largest of a row, in Q12.19; those of more than are there
 *                    are 0
 * step, multiplier   a distance times step * multiplier / 2^31 is the exponent in Q5.26
 * back               from Q5.26 to a distance
 * reach              outputs of greater distances are the least there is
 */
typedef struct {
    int32_t rows, depth;
    const int32_t *exponentials;
    int32_t count;
    int32_t step, multiplier;
    aot_scale_t back;
    int32_t reach;
} aot_log_softmax_t;

/* output may be input. */
void aot_log_softmax_s8(const aot_log_softmax_t *layer, const int8_t *input, int8_t *output);

#endif
