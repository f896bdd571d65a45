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

/* How ADD and SUB bring an operand to the common scale: (x * 2^lift - zero_point) * multiplier,
 * shifted right. The zero point is lifted, too.
 */
typedef struct {
    int32_t lift, zero_point, multiplier, shift;
} aot_operand_t;

/* output   from the common scale to the output's */
typedef struct {
    aot_broadcast_t broadcast;
    aot_operand_t operand0, operand1;
    aot_scale_t output;
    int32_t output_zero_point;
} aot_add_t;

typedef struct {
    aot_broadcast_t broadcast;
    int32_t zero_point0, zero_point1;
    aot_scale_t output;
    int32_t output_zero_point;
} aot_mul_t;

/* output may be an operand that is not broadcast. */
void aot_add_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);
void aot_sub_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);
void aot_mul_s8(const aot_mul_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);

#endif
