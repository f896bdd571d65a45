/* BATCH_MATMUL: products of int8 matrices that are both computed. */
#ifndef AOT_MATMUL_S8_H
#define AOT_MATMUL_S8_H

#include "aot_math.h"

#define AOT_BATCH_AXES 3

/* batches                  how many matrices the output has along each axis
 * batch_steps0, ...1       bytes from one to the next of the first and second operand; 0 where it
 *                          is the same for all
 * depth                    products that an element is the sum of
 * row_step, step0          of the first operand, from a row to the next, and along a row
 * step1, column_step       of the second, along a column, and from a column to the next
 */
typedef struct {
    int32_t batches[AOT_BATCH_AXES];
    int32_t batch_steps0[AOT_BATCH_AXES], batch_steps1[AOT_BATCH_AXES];
    int32_t rows, columns, depth;
    int32_t row_step, step0;
    int32_t step1, column_step;
    int32_t zero_point0, zero_point1;
    aot_scale_t output;
    int32_t output_zero_point;
} aot_matmul_t;

/* scratch: a row of the first operand, two bytes for each element. */
void aot_matmul_s8(const aot_matmul_t *layer, const int8_t *input0, const int8_t *input1,
                   int8_t *output, int8_t *scratch);

#endif
