/* A row of MUL. */
#ifndef AOT_MUL_ROW_S8_H
#define AOT_MUL_ROW_S8_H

#include "aot_mul_each_s8.h"

/* A step is 1, or 0 for an operand that is broadcast. */
static void aot_mul_row_s8(const aot_mul_t *layer, const int8_t *p0, int32_t step0, const int8_t *p1,
                           int32_t step1, int8_t *output, int32_t left)
{
    aot_mul_each_s8(layer, p0, step0, p1, step1, output, left);
}

#endif
