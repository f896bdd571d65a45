#include "aot_mean_s8.h"

void aot_mean_s8(const aot_mean_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t i = 0; i < layer->outer; i++) {
        for (int32_t j = 0; j < layer->inner; j++) {
            const int8_t *x = input + j;
            int32_t sum = layer->bias;
            for (int32_t left = layer->count; left > 0; left--) {
                sum += *x;
                x += layer->inner;
            }
            *output++ = aot_quantised(aot_scale(sum, layer->multiplier, layer->shift),
                                      layer->output_zero_point);
        }
        input += layer->count * layer->inner;
    }
}
