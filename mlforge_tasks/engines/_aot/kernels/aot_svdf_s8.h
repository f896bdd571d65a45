/* SVDF: filters over what comes, and over time. */
#ifndef AOT_SVDF_S8_H
#define AOT_SVDF_S8_H

#include "aot_math.h"

/* feature       [filter][input]
 * feature_bias  [filter], the input's zero point folded in
 * time          [filter][memory], the oldest first; of the state's type
 * bias          [unit], the state's zero point folded in
 * rank          filters of a unit
 */
typedef struct {
    const int8_t *feature;
    const int32_t *feature_bias;
    const void *time;
    const int32_t *bias;
    aot_scale_t kept, made;
    int32_t inputs, memory, units, rank, state_zero_point, zero_point;
} aot_svdf_s8_t;

/* state is [filter][memory], the oldest first. Sums wrap, as the reference's do. */
void aot_svdf_s8(const aot_svdf_s8_t *layer, const int8_t *input, int8_t *output, int8_t *state);
void aot_svdf_16_s8(const aot_svdf_s8_t *layer, const int8_t *input, int8_t *output,
                    int16_t *state);

#endif
