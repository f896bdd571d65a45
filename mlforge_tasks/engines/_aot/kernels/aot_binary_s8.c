#include "aot_binary_s8.h"

/* The reference scales operands up by 2^20 before it brings them to a common scale. */
#define HEADROOM (1 << 20)

/* Walks the output; BODY sees the elements a and b, and makes `result`. */
#define FOR_EACH_PAIR(broadcast, BODY)                                                             \
    const int32_t *shape = (broadcast)->shape;                                                     \
    const int32_t *steps0 = (broadcast)->steps0, *steps1 = (broadcast)->steps1;                    \
    for (int32_t i = 0; i < shape[0]; i++) {                                                       \
        for (int32_t j = 0; j < shape[1]; j++) {                                                   \
            for (int32_t k = 0; k < shape[2]; k++) {                                               \
                const int8_t *p0 = x0 + i * steps0[0] + j * steps0[1] + k * steps0[2];             \
                const int8_t *p1 = x1 + i * steps1[0] + j * steps1[1] + k * steps1[2];             \
                for (int32_t left = shape[3]; left > 0; left--) {                                  \
                    int32_t a = *p0 - layer->zero_point0, b = *p1 - layer->zero_point1;            \
                    int32_t result;                                                                \
                    BODY;                                                                          \
                    *output++ = aot_saturate(result + layer->output_zero_point);                   \
                    p0 += steps0[3];                                                               \
                    p1 += steps1[3];                                                               \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

/* Factors of operands are at most one half, so nothing is shifted left. */
AOT_INLINE int32_t scale_down(int32_t value, const aot_factor_t *factor)
{
    return aot_round_shift(aot_multiply_high(value, factor->multiplier), -factor->shift);
}

AOT_INLINE int32_t scaled(int32_t value, const aot_factor_t *factor)
{
    return scale_down(value * HEADROOM, factor);
}

void aot_add_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    FOR_EACH_PAIR(&layer->broadcast,
                  result = scale_down(scaled(a, &layer->factor0) + scaled(b, &layer->factor1),
                                      &layer->output_factor))
}

void aot_sub_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    FOR_EACH_PAIR(&layer->broadcast,
                  result = scale_down(scaled(a, &layer->factor0) - scaled(b, &layer->factor1),
                                      &layer->output_factor))
}

void aot_mul_s8(const aot_mul_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    const aot_factor_t *factor = &layer->output_factor;
    FOR_EACH_PAIR(&layer->broadcast, result = aot_scale(a * b, factor->multiplier, factor->shift))
}
