/* Columns of a row of BATCH_MATMUL in C. */
#ifndef AOT_MATMUL_EACH_S8_H
#define AOT_MATMUL_EACH_S8_H

#include "aot_matmul_s8.h"

AOT_INLINE int8_t aot_matmul_finish(const aot_matmul_t *layer, int32_t sum)
{
    return aot_finish(sum, layer->output.multiplier, layer->output.shift,
                      layer->output_zero_point);
}

/* Four neighbouring columns. */
AOT_APART void aot_matmul_four_s8(const aot_matmul_t *layer, const int16_t *x, int32_t start,
                                  const int8_t *w, int8_t *y)
{
    int32_t sum0 = start, sum1 = start, sum2 = start, sum3 = start;
    int32_t next = layer->column_step, step = layer->step1;

    AOT_MEMORY_WRITTEN;
    for (const int16_t *end = x + layer->depth; x < end; w += step) {
        int32_t value = *x++, weight = w[0];
        AOT_MAC(sum0, value, weight);
        weight = w[next];
        AOT_MAC(sum1, value, weight);
        weight = w[2 * next];
        AOT_MAC(sum2, value, weight);
        weight = w[3 * next];
        AOT_MAC(sum3, value, weight);
    }
    const int32_t sums[] = {sum0, sum1, sum2, sum3};
    for (int32_t i = 0; i < 4; i++) {
        y[i] = aot_matmul_finish(layer, sums[i]);
    }
}

AOT_APART int8_t aot_matmul_one_s8(const aot_matmul_t *layer, const int16_t *x, int32_t start,
                                   const int8_t *w)
{
    for (int32_t k = 0; k < layer->depth; k++) {
        start += x[k] * *w;
        w += layer->step1;
    }
    return aot_matmul_finish(layer, start);
}

AOT_INLINE void aot_matmul_each_s8(const aot_matmul_t *layer, const int16_t *x, int32_t start,
                                   const int8_t *w, int8_t *y, int32_t left)
{
    for (; left >= 4; left -= 4) {
        aot_matmul_four_s8(layer, x, start, w, y);
        w += 4 * layer->column_step;
        y += 4;
    }
    for (; left > 0; left--) {
        *y++ = aot_matmul_one_s8(layer, x, start, w);
        w += layer->column_step;
    }
}

#endif
