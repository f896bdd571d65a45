/* ADD, SUB and MUL of two int8 tensors, with broadcasting. */
#ifndef AOT_BINARY_S8_H
#define AOT_BINARY_S8_H

#include "aot_math.h"

/* The output in four dimensions, and for each operand the distance between neighbours along each;
 * 0 where the operand is broadcast.
 */
typedef struct {
    int32_t shape[4];
    int32_t steps0[4], steps1[4];
} aot_broadcast_t;

/* A real factor, see aot_math.h. */
typedef struct {
    int32_t multiplier, shift;
} aot_factor_t;

typedef struct {
    aot_broadcast_t broadcast;
    int32_t zero_point0, zero_point1, output_zero_point;
    aot_factor_t factor0, factor1, output_factor;
} aot_add_t;

typedef struct {
    aot_broadcast_t broadcast;
    int32_t zero_point0, zero_point1, output_zero_point;
    aot_factor_t output_factor;
} aot_mul_t;

/* output may be an operand that is not broadcast. */
void aot_add_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);
void aot_sub_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);
void aot_mul_s8(const aot_mul_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);

#endif
