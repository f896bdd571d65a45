#include "aot_prelu_s8.h"

void aot_prelu_s8(const aot_prelu_t *layer, const int8_t *input, int8_t *output)
{
    int32_t place = 0;

    for (int32_t left = layer->count; left > 0; left--) {
        int32_t value = *input++ - layer->input_zero_point;
        const aot_scale_t *scale = &layer->positive;
        if (value < 0) {
            value *= layer->alpha[place] - layer->alpha_zero_point;
            scale = &layer->negative;
        }
        *output++ = aot_finish(value, scale->multiplier, scale->shift, layer->output_zero_point);
        place = place + 1 < layer->period ? place + 1 : 0;
    }
}
