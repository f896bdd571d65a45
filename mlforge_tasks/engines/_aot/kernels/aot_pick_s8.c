#include "aot_pick_s8.h"

#include <string.h>

static const int8_t *at(const aot_pick_axis_t *axis, const int8_t *input, int32_t index)
{
    return input + (axis->places != NULL ? axis->places[index] : index) * axis->step;
}

void aot_pick_s8(const aot_pick_t *pick, const int8_t *input, int8_t *output)
{
    const aot_pick_axis_t *axes = pick->axes;

    for (int32_t i = 0; i < axes[0].size; i++) {
        const int8_t *first = at(&axes[0], input, i);
        for (int32_t j = 0; j < axes[1].size; j++) {
            const int8_t *second = at(&axes[1], first, j);
            for (int32_t k = 0; k < axes[2].size; k++) {
                const int8_t *third = at(&axes[2], second, k);
                for (int32_t m = 0; m < axes[3].size; m++) {
                    memcpy(output, at(&axes[3], third, m), (size_t)pick->run);
                    output += pick->run;
                }
            }
        }
    }
}
