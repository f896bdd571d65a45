/* A row of BATCH_MATMUL. */
#ifndef AOT_MATMUL_ROW_S8_H
#define AOT_MATMUL_ROW_S8_H

#include "aot_matmul_each_s8.h"

/* x: the first operand's row without its zero point; start: what sums begin with. */
static void aot_matmul_row_s8(const aot_matmul_t *layer, const int16_t *x, int32_t start,
                              const int8_t *w, int8_t *y)
{
    aot_matmul_each_s8(layer, x, start, w, y, layer->columns);
}

#endif
