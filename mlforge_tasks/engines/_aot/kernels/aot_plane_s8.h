/* One channel of DEPTHWISE_CONV_2D, its input copied into a plane with the border. */
#ifndef AOT_PLANE_S8_H
#define AOT_PLANE_S8_H

#include "aot_extent.h"
#include "aot_math.h"

/* weights      [output channel][kernel line][tap]
 * channel_bytes  of weights
 * input_step   bytes between neighbours of one channel in the input, output_step in the output
 */
typedef struct {
    const int8_t *weights;
    const int32_t *requant;
    const int8_t *shift;
    int32_t channel_bytes;
    int32_t input_channels, multiplier;
    aot_extent_t plane, input, input_step, pad, output, output_step, kernel, stride, dilation;
    int32_t input_zero_point, output_zero_point;
} aot_depthwise_t;

/* Makes all outputs of one channel. */
typedef void aot_filter_t(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift,
                          const int8_t *w, const int8_t *plane, int8_t *output);

/* Filters for every kernel; for lines of three taps with stride 1, at least four outputs along and
 * the fast form; for three such lines.
 */
aot_filter_t aot_filter_any_s8, aot_filter_lines_s8, aot_filter_3x3_s8;

/* Copies one channel after the other into the plane and filters it. */
void aot_for_each_plane_s8(const aot_depthwise_t *layer, aot_filter_t *filter, const int8_t *input,
                           int8_t *output, int8_t *scratch);

#endif
