/* SOFTMAX of int16, by tables of exp(x) and 1 / (1 + x). */
#ifndef AOT_SOFTMAX_S16_H
#define AOT_SOFTMAX_S16_H

#include "aot_math.h"

#define AOT_SOFTMAX_PLACES_S16 513

/* exponentials  of -10 to 0, reciprocals of 0 to 1, in 1/32768
 * scale         from a distance to 1/65535 of 10
 */
typedef struct {
    const int16_t *exponentials, *reciprocals;
    int32_t rows, depth;
    aot_scale_t scale;
} aot_softmax_s16_t;

/* output may be input. */
void aot_softmax_s16(const aot_softmax_s16_t *layer, const int16_t *input, int16_t *output);

#endif
