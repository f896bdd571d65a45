#include "aot_binary_s8.h"

#include "aot_add_row_s8.h"

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

static void add_row(const aot_add_t *layer, const int8_t *p0, int32_t step0, const int8_t *p1,
                    int32_t step1, int8_t *output, int32_t left)
{
    aot_add_row_s8(layer, p0, step0, p1, step1, output, left, 1);
}

static void subtract_row(const aot_add_t *layer, const int8_t *p0, int32_t step0, const int8_t *p1,
                         int32_t step1, int8_t *output, int32_t left)
{
    aot_add_row_s8(layer, p0, step0, p1, step1, output, left, -1);
}

static void multiply_row(const aot_mul_t *layer, const int8_t *p0, int32_t step0, const int8_t *p1,
                         int32_t step1, int8_t *output, int32_t left)
{
    for (; left > 0; left--) {
        int32_t product = (*p0 - layer->zero_point0) * (*p1 - layer->zero_point1);
        *output++ = aot_finish(product, layer->output.multiplier, layer->output.shift,
                               layer->output_zero_point);
        p0 += step0;
        p1 += step1;
    }
}

void aot_add_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    FOR_EACH_ROW(layer, add_row)
}

void aot_sub_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    FOR_EACH_ROW(layer, subtract_row)
}

void aot_mul_s8(const aot_mul_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    FOR_EACH_ROW(layer, multiply_row)
}
