/* DEPTHWISE_CONV_2D over NHWC int8: any stride, padding, dilation and depth multiplier.
 *
 * One channel at a time is copied into a plane with its border, so that every window lies inside
 * and neighbours are contiguous. A plane is `lines` of `line` bytes; the generator lays it out
 * transposed where that leaves fewer outputs over at the end of a line.
 */
#ifndef AOT_DEPTHWISE_S8_H
#define AOT_DEPTHWISE_S8_H

#include "aot_math.h"

/* Extents across lines and along a line. */
typedef struct {
    int32_t across, along;
} aot_extent_t;

/* weights      [output channel][kernel line][tap]
 * input_step   bytes between neighbours of one channel in the input, output_step in the output
 */
typedef struct {
    const int8_t *weights;
    const aot_requant_t *requant;
    int32_t input_channels, multiplier;
    aot_extent_t plane, input, input_step, pad, output, output_step, kernel, stride, dilation;
    int32_t input_zero_point, output_zero_point;
} aot_depthwise_t;

/* scratch: the plane, plane.across * plane.along bytes. With multiplier 1 and an output no larger
 * than the input, output may be input: a channel is copied out before it is overwritten.
 */
void aot_depthwise_s8(const aot_depthwise_t *layer, const int8_t *input, int8_t *output,
                      int8_t *scratch);

#endif
