/* DEPTHWISE_CONV_2D for cores with MVE: a window is a few vectors of sixteen neighbouring bytes of
 * the channel's plane, each multiplied with weights that are 0 where there is no tap.
 *
 * The plane's lines share their border: what lies behind one is the border before the next.
 */
#ifndef AOT_DEPTHWISE_MVE_S8_H
#define AOT_DEPTHWISE_MVE_S8_H

#include "aot_math.h"
#include "aot_extent.h"

/* weights        [output channel][kernel line][tap]
 * plane_bytes    with what the last window reads beyond it
 * pitch          bytes from one line of the plane to the next
 * first          where the input begins in the plane
 * output         rows and columns, as in memory; so are output_step and window_step, which is in the
 *                plane
 * lines          kernel lines in one vector
 * line_step      from a kernel line to the next in the plane
 * vector_step    from a vector to the next
 * tap_step       from a tap to the next
 * band           output rows that are made at a time
 * All channels have the fast form, and a band has at least four outputs.
 */
typedef struct {
    const int8_t *weights;
    const int32_t *requant;
    const int8_t *shift;
    int32_t input_channels, multiplier;
    int32_t plane_bytes, pitch, first;
    aot_extent_t input, input_step, output, output_step, kernel, window_step;
    int32_t lines, line_step, vector_step, tap_step;
    int32_t band;
    int32_t input_zero_point, output_zero_point;
} aot_depthwise_mve_t;

/* For windows of one vector, of up to three and of up to five.
 *
 * scratch: the plane; behind it, at scratch + table, a word for each output of a band. The output
 * may be the input as in aot_depthwise_s8.h.
 */
void aot_depthwise_one_s8(const aot_depthwise_mve_t *layer, const int8_t *input, int8_t *output,
                          int8_t *scratch, int32_t table);
void aot_depthwise_three_s8(const aot_depthwise_mve_t *layer, const int8_t *input, int8_t *output,
                            int8_t *scratch, int32_t table);
void aot_depthwise_five_s8(const aot_depthwise_mve_t *layer, const int8_t *input, int8_t *output,
                           int8_t *scratch, int32_t table);

#endif
