#include "aot_binary_s8.h"

#include "aot_add_row_s8.h"
#include "aot_mul_row_s8.h"

/* Walks the output row by row; ROW sees the operands p0 and p1, their steps, and `left` elements. */
#define FOR_EACH_ROW(layer, ROW)                                                                   \
    const int32_t *shape = (layer)->broadcast.shape;                                               \
    const int32_t *steps0 = (layer)->broadcast.steps0, *steps1 = (layer)->broadcast.steps1;        \
    for (int32_t i = 0; i < shape[0]; i++) {                                                       \
        for (int32_t j = 0; j < shape[1]; j++) {                                                   \
            for (int32_t k = 0; k < shape[2]; k++) {                                               \
                const int8_t *p0 = x0 + i * steps0[0] + j * steps0[1] + k * steps0[2];             \
                const int8_t *p1 = x1 + i * steps1[0] + j * steps1[1] + k * steps1[2];             \
                ROW(layer, p0, steps0[3], p1, steps1[3], output, shape[3]);                        \
                output += shape[3];                                                                \
            }                                                                                      \
        }                                                                                          \
    }

/* An operand at the common scale, as the reference rounds it. */
AOT_INLINE int32_t common(int8_t x, const aot_operand_t *operand)
{
    int32_t twice = (int32_t)((uint32_t)x << (operand->lift + 1)) - 2 * operand->zero_point;
    return aot_scale_fast(twice, operand->multiplier, aot_centre(0, operand->shift),
                          operand->shift);
}

static void add_wide_row(const aot_add_wide_t *layer, const int8_t *p0, int32_t step0,
                         const int8_t *p1, int32_t step1, int8_t *output, int32_t left)
{
    /* Copies, because a store of int8 might change what a pointer points to. */
    const aot_operand_t operand0 = layer->operand0, operand1 = layer->operand1;
    const aot_scale_t scale = layer->output;
    int32_t sign = layer->sign, zero_point = layer->output_zero_point;

    for (; left > 0; left--) {
        int32_t sum = common(*p0, &operand0) + sign * common(*p1, &operand1);
        *output++ = aot_finish(sum, scale.multiplier, scale.shift, zero_point);
        p0 += step0;
        p1 += step1;
    }
}

void aot_add_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    FOR_EACH_ROW(layer, aot_add_row_s8)
}

void aot_add_wide_s8(const aot_add_wide_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    FOR_EACH_ROW(layer, add_wide_row)
}

void aot_mul_s8(const aot_mul_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    FOR_EACH_ROW(layer, aot_mul_row_s8)
}
