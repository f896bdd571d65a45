/* DEPTHWISE_CONV_2D over NHWC int8: any stride, padding, dilation and depth multiplier.
 *
 * One channel at a time is copied into a plane with its border, so that every window lies inside
 * and neighbours are contiguous. The generator lays a plane out transposed where that is cheaper.
 */
#ifndef AOT_DEPTHWISE_S8_H
#define AOT_DEPTHWISE_S8_H

#include "aot_plane_s8.h"

/* scratch: the plane, plane.across * plane.along bytes. With multiplier 1 and an output no larger
 * than the input, output may be input: a channel is copied out before it is overwritten.
 */
void aot_depthwise_s8(const aot_depthwise_t *layer, const int8_t *input, int8_t *output,
                      int8_t *scratch);

/* The same for kernel lines of three taps, with stride 1 and at least four outputs along a line, and
 * channels of the fast form; and for three such lines. An image has those functions that it calls.
 */
void aot_depthwise_lines_s8(const aot_depthwise_t *layer, const int8_t *input, int8_t *output,
                            int8_t *scratch);
void aot_depthwise_three_lines_s8(const aot_depthwise_t *layer, const int8_t *input,
                                  int8_t *output, int8_t *scratch);

#endif
