/* A row of BATCH_MATMUL; columns that lie side by side four and sixteen at a time. */
#ifndef AOT_MATMUL_ROW_S8_H
#define AOT_MATMUL_ROW_S8_H

#include "aot_matmul_each_s8.h"
#include "aot_mve.h"

/* As many outputs as the predicate has lanes. */
AOT_APART void aot_matmul_store(const aot_matmul_t *layer, int32x4_t sums, int8_t *y,
                                 mve_pred16_t lanes)
{
    int32_t shift = layer->output.shift, each[4];

    if (shift > 0) {
        sums = aot_scale_fast_x4(sums, layer->output.multiplier, shift);
        sums = vaddq_n_s32(sums, layer->output_zero_point);
        sums = vminq_s32(vmaxq_s32(sums, vdupq_n_s32(-128)), vdupq_n_s32(127));
    } else {
        vst1q_s32(each, sums);
        for (int32_t i = 0; i < 4; i++) {
            each[i] = aot_matmul_finish(layer, each[i]);
        }
        sums = vld1q_s32(each);
    }
    vstrbq_p_s32(y, sums, lanes);
}

AOT_APART void aot_matmul_sixteen_s8(const aot_matmul_t *layer, const int16_t *x, int32_t start,
                                     const int8_t *w, int8_t *y)
{
    int32x4_t sum0 = vdupq_n_s32(start), sum1 = sum0, sum2 = sum0, sum3 = sum0;

    for (const int16_t *end = x + layer->depth; x < end; w += layer->step1) {
        int32_t value = *x++;
        sum0 = vmlaq_n_s32(sum0, vldrbq_s32(w), value);
        sum1 = vmlaq_n_s32(sum1, vldrbq_s32(w + 4), value);
        sum2 = vmlaq_n_s32(sum2, vldrbq_s32(w + 8), value);
        sum3 = vmlaq_n_s32(sum3, vldrbq_s32(w + 12), value);
    }
    mve_pred16_t all = vctp32q(4);
    aot_matmul_store(layer, sum0, y, all);
    aot_matmul_store(layer, sum1, y + 4, all);
    aot_matmul_store(layer, sum2, y + 8, all);
    aot_matmul_store(layer, sum3, y + 12, all);
}

/* Four columns, or what is left of them. */
AOT_APART void aot_matmul_few_s8(const aot_matmul_t *layer, const int16_t *x, int32_t start,
                                 const int8_t *w, int8_t *y, int32_t left)
{
    mve_pred16_t lanes = vctp32q((uint32_t)left);
    int32x4_t sums = vdupq_n_s32(start);

    for (const int16_t *end = x + layer->depth; x < end; w += layer->step1) {
        sums = vmlaq_n_s32(sums, vldrbq_z_s32(w, lanes), *x++);
    }
    aot_matmul_store(layer, sums, y, lanes);
}

/* x: the first operand's row without its zero point; start: what sums begin with. */
static void aot_matmul_row_s8(const aot_matmul_t *layer, const int16_t *x, int32_t start,
                              const int8_t *w, int8_t *y)
{
    int32_t left = layer->columns;

    if (layer->column_step != 1) {
        aot_matmul_each_s8(layer, x, start, w, y, left);
        return;
    }
    for (; left >= 16; left -= 16) {
        aot_matmul_sixteen_s8(layer, x, start, w, y);
        w += 16;
        y += 16;
    }
    for (; left > 0; left -= 4) {
        aot_matmul_few_s8(layer, x, start, w, y, left);
        w += 4;
        y += 4;
    }
}

#endif
