/* CONV_2D over NHWC int8 without dilation, for cores with MVE: input rows are copied, with their
 * border, to a ring of as many rows as the kernel has, and windows are read from there.
 *
 * A row in the ring is [16 input channels][stream][pixel][16]: a stream has the columns that equal
 * each other modulo the stride, so that neighbouring windows are always sixteen bytes apart.
 */
#ifndef AOT_CONV_ROWS_S8_H
#define AOT_CONV_ROWS_S8_H

#include "aot_math.h"

/* weights        [channel][kernel row][16 input channels][tap][16], 0 where there is no tap
 * channel_bytes  of them, for one output channel
 * places         where in a row each segment starts, a segment being one to three taps that are
 *                neighbours in a stream
 * segments       of one kernel row
 * streams        of a row, as many as the stride, or the kernel's width if that is less
 * stream_bytes, row_bytes
 *                of sixteen input channels, and of a row in the ring
 */
typedef struct {
    const int8_t *weights;
    const int32_t *requant;
    const int8_t *shift;
    const int32_t *places;
    int32_t segments;
    int32_t channels, channel_bytes;
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width;
    int32_t kernel_height;
    int32_t stride_height, stride_width;
    int32_t pad_top, pad_left;
    int32_t streams, stream_bytes, row_bytes;
    int32_t input_zero_point, output_zero_point;
} aot_conv_rows_t;

/* For segments of three taps; of two taps and of one in turn. At least eight outputs in a
 * row, all channels of the fast form. The output may overwrite rows that are in the ring.
 *
 * scratch: the ring, and at scratch + table a pointer for every segment.
 */
void aot_conv_rows_three_s8(const aot_conv_rows_t *layer, const int8_t *input, int8_t *output,
                            int8_t *scratch, int32_t table);
void aot_conv_rows_two_one_s8(const aot_conv_rows_t *layer, const int8_t *input, int8_t *output,
                              int8_t *scratch, int32_t table);

#endif
