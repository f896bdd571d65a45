/* Elementwise maps to and from int16: QUANTIZE, LEAKY_RELU, RELU6, LOGISTIC and TANH. */
#ifndef AOT_MAP_S16_H
#define AOT_MAP_S16_H

#include "aot_math.h"

/* From one scale to another, where both zero points are 0 but those of int8; negative values by a
 * factor of their own, as LEAKY_RELU has it. Outputs may be inputs of the same type.
 */
typedef struct {
    aot_scale_t positive, negative;
    int32_t count, zero_point;
} aot_rescale_s16_t;

void aot_rescale_s16(const aot_rescale_s16_t *layer, const int16_t *input, int16_t *output);
void aot_narrow_s16(const aot_rescale_s16_t *layer, const int16_t *input, int8_t *output);
void aot_widen_s16(const aot_rescale_s16_t *layer, const int8_t *input, int16_t *output);

/* Clamps into [low, high]; output may be input. */
void aot_clamp_s16(int32_t low, int32_t high, int32_t count, const int16_t *input, int16_t *output);

#define AOT_SIGMOID_PLACES_S16 256

/* table     1 / (1 + exp(-i / 24)) in 1/65536
 * x * multiplier, rounded half up and shifted right, is in steps of the table / 512 (LOGISTIC) or
 * / 256 (TANH); in between it is interpolated.
 */
typedef struct {
    const uint16_t *table;
    int32_t count, multiplier, shift;
} aot_sigmoid_s16_t;

/* output may be input. */
void aot_logistic_s16(const aot_sigmoid_s16_t *layer, const int16_t *input, int16_t *output);
void aot_tanh_s16(const aot_sigmoid_s16_t *layer, const int16_t *input, int16_t *output);

#endif
