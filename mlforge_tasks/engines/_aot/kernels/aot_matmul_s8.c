#include "aot_matmul_s8.h"

#include "aot_matmul_row_s8.h"

/* A row without its zero point; its sum times the other operand's is what that adds. */
static int32_t widened(const aot_matmul_t *layer, const int8_t *x, int16_t *row)
{
    int32_t sum = 0;

    for (int32_t k = 0; k < layer->depth; k++) {
        int32_t value = *x - layer->zero_point0;
        row[k] = (int16_t)value;
        sum += value;
        x += layer->step0;
    }
    return -layer->zero_point1 * sum;
}

static int8_t *matrix(const aot_matmul_t *layer, const int8_t *x, const int8_t *w, int8_t *y,
                      int16_t *row)
{
    for (int32_t i = 0; i < layer->rows; i++) {
        aot_matmul_row_s8(layer, row, widened(layer, x, row), w, y);
        x += layer->row_step;
        y += layer->columns;
    }
    return y;
}

void aot_matmul_s8(const aot_matmul_t *layer, const int8_t *input0, const int8_t *input1,
                   int8_t *output, int8_t *scratch)
{
    const int32_t *steps0 = layer->batch_steps0, *steps1 = layer->batch_steps1;
    int16_t *row = (int16_t *)(void *)scratch;

    for (int32_t i = 0; i < layer->batches[0]; i++) {
        for (int32_t j = 0; j < layer->batches[1]; j++) {
            const int8_t *x = input0 + i * steps0[0] + j * steps0[1];
            const int8_t *w = input1 + i * steps1[0] + j * steps1[1];
            for (int32_t k = 0; k < layer->batches[2]; k++) {
                output = matrix(layer, x, w, output, row);
                x += steps0[2];
                w += steps1[2];
            }
        }
    }
}
