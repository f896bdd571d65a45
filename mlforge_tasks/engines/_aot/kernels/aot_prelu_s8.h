/* PRELU: negative values times a constant of their place. */
#ifndef AOT_PRELU_S8_H
#define AOT_PRELU_S8_H

#include "aot_math.h"

/* alpha    quantised slopes, which repeat after period elements
 * positive, negative
 *          how values, and products of values and slopes, become outputs
 */
typedef struct {
    const int8_t *alpha;
    int32_t count, period;
    int32_t input_zero_point, alpha_zero_point, output_zero_point;
    aot_scale_t positive, negative;
} aot_prelu_t;

void aot_prelu_s8(const aot_prelu_t *layer, const int8_t *input, int8_t *output);

#endif
