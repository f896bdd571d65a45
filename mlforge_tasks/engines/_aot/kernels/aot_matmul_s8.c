#include "aot_matmul_s8.h"

/* The sum over the first operand's row of what it is multiplied by, whatever the column, is taken
 * along: zero_point1 times it is what the second operand's zero point adds.
 */
AOT_INLINE int8_t finish(const aot_matmul_t *layer, int32_t sum, int32_t row_sum)
{
    return aot_finish(sum - layer->zero_point1 * row_sum, layer->output.multiplier,
                      layer->output.shift, layer->output_zero_point);
}

/* Four neighbouring columns of a row. */
static void four_columns(const aot_matmul_t *layer, const int8_t *x, const int8_t *w, int8_t *y)
{
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0, row_sum = 0;
    int32_t next = layer->column_step;

    AOT_MEMORY_WRITTEN;
    for (int32_t left = layer->depth; left > 0; left--) {
        int32_t value = *x - layer->zero_point0;
        AOT_MAC(sum0, value, (int32_t)w[0]);
        AOT_MAC(sum1, value, (int32_t)w[next]);
        AOT_MAC(sum2, value, (int32_t)w[2 * next]);
        AOT_MAC(sum3, value, (int32_t)w[3 * next]);
        row_sum += value;
        x += layer->step0;
        w += layer->step1;
    }
    y[0] = finish(layer, sum0, row_sum);
    y[1] = finish(layer, sum1, row_sum);
    y[2] = finish(layer, sum2, row_sum);
    y[3] = finish(layer, sum3, row_sum);
}

static int8_t one_column(const aot_matmul_t *layer, const int8_t *x, const int8_t *w)
{
    int32_t sum = 0, row_sum = 0;

    for (int32_t left = layer->depth; left > 0; left--) {
        int32_t value = *x - layer->zero_point0;
        sum += value * *w;
        row_sum += value;
        x += layer->step0;
        w += layer->step1;
    }
    return finish(layer, sum, row_sum);
}

static int8_t *matrix(const aot_matmul_t *layer, const int8_t *x, const int8_t *w, int8_t *y)
{
    for (int32_t i = 0; i < layer->rows; i++) {
        const int8_t *column = w;
        int32_t left = layer->columns;
        for (; left >= 4; left -= 4) {
            four_columns(layer, x, column, y);
            column += 4 * layer->column_step;
            y += 4;
        }
        for (; left > 0; left--) {
            *y++ = one_column(layer, x, column);
            column += layer->column_step;
        }
        x += layer->row_step;
    }
    return y;
}

void aot_matmul_s8(const aot_matmul_t *layer, const int8_t *input0, const int8_t *input1,
                   int8_t *output)
{
    const int32_t *steps0 = layer->batch_steps0, *steps1 = layer->batch_steps1;

    for (int32_t i = 0; i < layer->batches[0]; i++) {
        for (int32_t j = 0; j < layer->batches[1]; j++) {
            const int8_t *x = input0 + i * steps0[0] + j * steps0[1];
            const int8_t *w = input1 + i * steps1[0] + j * steps1[1];
            for (int32_t k = 0; k < layer->batches[2]; k++) {
                output = matrix(layer, x, w, output);
                x += steps0[2];
                w += steps1[2];
            }
        }
    }
}
