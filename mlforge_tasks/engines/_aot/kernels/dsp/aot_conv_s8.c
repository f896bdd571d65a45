#include "aot_small.h"

#include "aot_conv_s8.h"

#include "aot_gather_s8.h"

/* Windows that lie one behind the other, as those of 1x1 convolutions do. */
static void contiguous(const aot_conv_t *layer, const int8_t *input, int8_t *output,
                       int8_t *scratch)
{
    const aot_dot_t *dot = &layer->dot;
    int32_t left = layer->output_height * layer->output_width;

    while (left > 0) {
        int32_t group = aot_group_s8(dot, left);
        for (int32_t slot = 0; slot < group; slot++) {
            aot_pack_s8(dot, input, dot->run, scratch, slot, group);
            input += dot->run;
        }
        aot_dot_packed_s8(dot, scratch, group, output);
        output += group * dot->channels;
        left -= group;
    }
}

void aot_conv_s8(const aot_conv_t *layer, const int8_t *input, int8_t *output, int8_t *scratch,
                 int32_t gathered)
{
    const aot_dot_t *dot = &layer->dot;
    int32_t left_over = layer->output_height * layer->output_width;
    int32_t group = aot_group_s8(dot, left_over), slot = 0;
    int32_t stride = layer->stride_width, step = stride * layer->input_channels;

    if (dot->runs == 1 && dot->run == layer->input_channels &&
        left_over == layer->input_height * layer->input_width) {
        contiguous(layer, input, output, scratch);
        return;
    }
    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        int32_t top = oy * layer->stride_height - layer->pad_top;
        int32_t left = -layer->pad_left;
        int32_t at = (top * layer->input_width + left) * layer->input_channels;
        int32_t last = -1; /* where the last window starts that is read in the input */
        if (layer->inside_step > 0 && top >= 0 &&
            top + layer->span_height <= layer->input_height) {
            last = layer->input_width - layer->span_width;
        }
        for (int32_t more = layer->output_width, count; more > 0; more -= count) {
            count = 1;
            if (left < 0 || left > last) {
                gather(layer, input, top, left, scratch + gathered);
                aot_pack_s8(dot, scratch + gathered, dot->run, scratch, slot, group);
            } else if (dot->near == NULL || group != 4 || slot > 0) {
                aot_pack_s8(dot, input + at, layer->inside_step, scratch, slot, group);
            } else {
                count = aot_smaller(4, aot_smaller((last - left) / stride + 1, more));
                dot->near(dot, input + at, step, count, scratch);
            }
            left += count * stride;
            at += count * step;
            slot += count;
            if (slot == group) {
                aot_dot_packed_s8(dot, scratch, group, output);
                output += group * dot->channels;
                left_over -= group;
                group = aot_group_s8(dot, left_over);
                slot = 0;
            }
        }
    }
}
