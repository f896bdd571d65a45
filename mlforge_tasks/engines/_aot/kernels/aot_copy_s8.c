#include "aot_copy_s8.h"

#include <string.h>

void aot_copy_runs_s8(int32_t count, int32_t run, int32_t step, const int8_t *input,
                      int8_t *output)
{
    for (; count > 0; count--) {
        memcpy(output, input, (size_t)run);
        input += run;
        output += step;
    }
}

void aot_pad_s8(const aot_pad_t *layer, const int8_t *input, int8_t *output)
{
    const int32_t *size = layer->output, *before = layer->before;
    int32_t run = layer->input[3];

    memset(output, layer->value, (size_t)(size[0] * size[1] * size[2] * size[3]));
    for (int32_t i = 0; i < layer->input[0]; i++) {
        for (int32_t j = 0; j < layer->input[1]; j++) {
            int32_t line = ((i + before[0]) * size[1] + j + before[1]) * size[2] + before[2];
            aot_copy_runs_s8(layer->input[2], run, size[3], input,
                             output + line * size[3] + before[3]);
            input += layer->input[2] * run;
        }
    }
}
