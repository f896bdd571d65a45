#include "aot_small.h"

#include "aot_binary_s16.h"

/* What the reference lifts operands of a sum by, so that 16 bits and these stay within 31. */
#define LIFT (1 << 15)

/* Walks the output element by element; MADE makes one of the operands *p0 and *p1. */
#define FOR_EACH(layer, MADE)                                                                      \
    const int32_t *shape = (layer)->broadcast.shape;                                               \
    const int32_t *steps0 = (layer)->broadcast.steps0, *steps1 = (layer)->broadcast.steps1;        \
    for (int32_t i = 0; i < shape[0]; i++) {                                                       \
        for (int32_t j = 0; j < shape[1]; j++) {                                                   \
            for (int32_t k = 0; k < shape[2]; k++) {                                               \
                const int16_t *p0 = x0 + i * steps0[0] + j * steps0[1] + k * steps0[2];            \
                const int16_t *p1 = x1 + i * steps1[0] + j * steps1[1] + k * steps1[2];            \
                for (int32_t left = shape[3]; left > 0; left--) {                                  \
                    *output++ = (int16_t)aot_clamp(MADE(layer, *p0, *p1), (layer)->low,            \
                                                   (layer)->high);                                 \
                    p0 += steps0[3];                                                               \
                    p1 += steps1[3];                                                               \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

static int32_t scaled(int32_t value, aot_scale_t by)
{
    return aot_scale(value, by.multiplier, by.shift);
}

static int32_t sum_of(const aot_add_s16_t *layer, int32_t first, int32_t second)
{
    int32_t sum = scaled(first * LIFT, layer->operand0);
    return scaled(sum + layer->sign * scaled(second * LIFT, layer->operand1), layer->output);
}

static int32_t product_of(const aot_mul_s16_t *layer, int32_t first, int32_t second)
{
    return scaled(first * second, layer->output);
}

void aot_add_s16(const aot_add_s16_t *layer, const int16_t *x0, const int16_t *x1, int16_t *output)
{
    FOR_EACH(layer, sum_of)
}

void aot_mul_s16(const aot_mul_s16_t *layer, const int16_t *x0, const int16_t *x1, int16_t *output)
{
    FOR_EACH(layer, product_of)
}
