/* ADD, SUB and MUL of two int16 tensors, with broadcasting. */
#ifndef AOT_BINARY_S16_H
#define AOT_BINARY_S16_H

#include "aot_math.h"

/* The output in four dimensions, and for each operand the distance between neighbours along each;
 * 0 where the operand is broadcast.
 */
typedef struct {
    int32_t shape[4];
    int32_t steps0[4], steps1[4];
} aot_broadcast_s16_t;

/* factors   by which the reference brings operands to their common scale, and the sum to the
 *           output's; the second has the sign that SUB gives it apart
 */
typedef struct {
    aot_broadcast_s16_t broadcast;
    aot_scale_t operand0, operand1, output;
    int32_t sign;
    int32_t low, high;
} aot_add_s16_t;

typedef struct {
    aot_broadcast_s16_t broadcast;
    aot_scale_t output;
    int32_t low, high;
} aot_mul_s16_t;

/* output may be an operand that is not broadcast. */
void aot_add_s16(const aot_add_s16_t *layer, const int16_t *x0, const int16_t *x1, int16_t *output);
void aot_mul_s16(const aot_mul_s16_t *layer, const int16_t *x0, const int16_t *x1, int16_t *output);

#endif
