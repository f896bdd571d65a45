#include "aot_depthwise_s8.h"

void aot_depthwise_s8(const aot_depthwise_t *layer, const int8_t *input, int8_t *output,
                      int8_t *scratch)
{
    aot_for_each_plane_s8(layer, aot_filter_any_s8, input, output, scratch);
}

void aot_depthwise_lines_s8(const aot_depthwise_t *layer, const int8_t *input, int8_t *output,
                            int8_t *scratch)
{
    aot_for_each_plane_s8(layer, aot_filter_lines_s8, input, output, scratch);
}

void aot_depthwise_three_lines_s8(const aot_depthwise_t *layer, const int8_t *input,
                                  int8_t *output, int8_t *scratch)
{
    aot_for_each_plane_s8(layer, aot_filter_3x3_s8, input, output, scratch);
}
