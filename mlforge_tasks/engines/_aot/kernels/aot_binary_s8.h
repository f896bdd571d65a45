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

/* ADD and SUB as one sum. With u = start + floor(x0 * factor0 / 256) + floor(x1 * factor1 / 256) the
 * output is (u + centre) / 2^shift, halves rounded away from u's zero. The generator has checked
 * that this is the reference's output for every pair of operands, and that nothing overflows.
 */
typedef struct {
    aot_broadcast_t broadcast;
    int32_t factor0, factor1, start, centre, shift;
} aot_add_t;

/* How the reference brings an operand to the common scale: (x * 2^lift - zero_point) * multiplier,
 * shifted right. The zero point is lifted, too.
 */
typedef struct {
    int32_t lift, zero_point, multiplier, shift;
} aot_operand_t;

/* sign     of the second operand, 1 or -1
 * output   from the common scale to the output's
 */
typedef struct {
    aot_broadcast_t broadcast;
    aot_operand_t operand0, operand1;
    int32_t sign;
    aot_scale_t output;
    int32_t output_zero_point;
} aot_add_wide_t;

typedef struct {
    aot_broadcast_t broadcast;
    int32_t zero_point0, zero_point1;
    aot_scale_t output;
    int32_t output_zero_point;
} aot_mul_t;

/* output may be an operand that is not broadcast. */
void aot_add_s8(const aot_add_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);
void aot_add_wide_s8(const aot_add_wide_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);
void aot_mul_s8(const aot_mul_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output);

#endif
