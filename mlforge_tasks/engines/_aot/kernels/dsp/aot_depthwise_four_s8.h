/* DEPTHWISE_CONV_2D, four channels at a time, for cores with the DSP extension: any kernel, stride,
 * padding and dilation, where every channel of the input makes one and all have the fast form.
 *
 * A word holds four channels of a pixel. Where windows touch the border, or where words are not
 * what lies in the input, the lines of some rows of output are copied as words first, with their
 * border; what the next rows share with these is moved to the front.
 */
#ifndef AOT_DEPTHWISE_FOUR_S8_H
#define AOT_DEPTHWISE_FOUR_S8_H

#include "aot_extent.h"
#include "aot_math.h"

/* weights      [output channel / 4][tap][4]
 * places       bytes from a window's first pixel to each of its taps
 * input, output  lines and pixels of a line
 * step         bytes from a window to the next, in copied lines or in the input
 * band         lines of output that are made of one copy; 0 where windows are read in the input
 * stride, span lines from a window to the next, and from its first to its last
 * line         bytes of a copied line; first: from its start to the input's first pixel
 * pad          lines before the input's first
 */
typedef struct {
    const int8_t *weights;
    const int32_t *requant;
    const int8_t *shift;
    const int16_t *places;
    int32_t taps, channels;
    aot_extent_t input, output, step;
    int32_t band, stride, span, line, first, pad;
    int32_t input_zero_point, output_zero_point;
} aot_depthwise_four_t;

/* scratch: 64 bytes, then 12 for each tap of as many threes as it takes, then, at scratch + lines,
 * the copied lines. With multiplier 1 and an output no larger than the input, output may be input:
 * what is overwritten has been copied, or no window reaches back to it.
 */
void aot_depthwise_four_s8(const aot_depthwise_four_t *layer, const int8_t *input, int8_t *output,
                           int8_t *scratch, int32_t lines);

#endif
