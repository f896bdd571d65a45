#include "aot_view_s8.h"

#include <string.h>

static int8_t *copy_line(const aot_view_axis_t *axis, const int8_t *input, int8_t *output)
{
    if (axis->step == 1) {
        memcpy(output, input, (size_t)axis->size);
        return output + axis->size;
    }
    for (int32_t left = axis->size; left > 0; left--) {
        *output++ = *input;
        input += axis->step;
    }
    return output;
}

void aot_view_s8(const aot_view_axis_t axes[AOT_VIEW_AXES], const int8_t *input, int8_t *output)
{
    for (int32_t i = 0; i < axes[0].size; i++) {
        for (int32_t j = 0; j < axes[1].size; j++) {
            for (int32_t k = 0; k < axes[2].size; k++) {
                int32_t start = i * axes[0].step + j * axes[1].step + k * axes[2].step;
                for (int32_t m = 0; m < axes[3].size; m++) {
                    output = copy_line(&axes[4], input + start, output);
                    start += axes[3].step;
                }
            }
        }
    }
}

void aot_take_runs_s8(int32_t count, int32_t run, int32_t step, const int8_t *input,
                      int8_t *output)
{
    for (; count > 0; count--) {
        memcpy(output, input, (size_t)run);
        input += step;
        output += run;
    }
}
