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
            aot_pack_s8(dot, input, dot->pitch, scratch, slot, group);
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

    if (dot->runs == 1 && dot->run == layer->input_channels &&
        left_over == layer->input_height * layer->input_width) {
        contiguous(layer, input, output, scratch);
        return;
    }
    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        int32_t top = oy * layer->stride_height - layer->pad_top;
        int32_t left = -layer->pad_left;
        int32_t rows_inside = layer->inside_step > 0 && top >= 0 &&
                              top + layer->span_height <= layer->input_height;
        for (int32_t ox = 0; ox < layer->output_width; ox++) {
            if (rows_inside && left >= 0 && left + layer->span_width <= layer->input_width) {
                int32_t pixel = top * layer->input_width + left;
                aot_pack_s8(dot, input + pixel * layer->input_channels, layer->inside_step,
                            scratch, slot, group);
            } else {
                gather(layer, input, top, left, scratch + gathered);
                aot_pack_s8(dot, scratch + gathered, dot->pitch, scratch, slot, group);
            }
            left += layer->stride_width;
            if (++slot == group) {
                aot_dot_packed_s8(dot, scratch, group, output);
                output += group * dot->channels;
                left_over -= group;
                group = aot_group_s8(dot, left_over);
                slot = 0;
            }
        }
    }
}
