/* Copies of elements that are picked along each axis: gathering, mirrored borders, enlarged images. */
#ifndef AOT_PICK_S8_H
#define AOT_PICK_S8_H

#include "aot_math.h"

#define AOT_PICK_AXES 4

/* An axis of the output.
 *
 * places  for each of its elements, which along the axis of the input; NULL where all follow
 * size    of the output
 * step    bytes from a place of the input to the next
 */
typedef struct {
    const uint16_t *places;
    int32_t size, step;
} aot_pick_axis_t;

/* axes  outermost first
 * run   bytes that lie side by side in both
 */
typedef struct {
    aot_pick_axis_t axes[AOT_PICK_AXES];
    int32_t run;
} aot_pick_t;

/* input is where the output's first element lies, or would, were all places 0. */
void aot_pick_s8(const aot_pick_t *pick, const int8_t *input, int8_t *output);

#endif
