#include "aot_svdf_s8.h"

#include <string.h>

/* What a filter makes of the input, to be kept; before the zero point. */
static int32_t newest(const aot_svdf_s8_t *layer, const int8_t *input, int32_t filter)
{
    const int8_t *weights = &layer->feature[filter * layer->inputs];
    int32_t sum = layer->feature_bias[filter];

    for (int32_t left = layer->inputs; left > 0; left--) {
        int32_t value = *input++, weight = *weights++;
        AOT_MAC(sum, value, weight);
    }
    return aot_scale(sum, layer->kept.multiplier, layer->kept.shift);
}

static int8_t finished(const aot_svdf_s8_t *layer, uint32_t sum)
{
    int32_t scaled = aot_scale((int32_t)sum, layer->made.multiplier, layer->made.shift);
    return aot_quantised(scaled, layer->zero_point);
}

void aot_svdf_s8(const aot_svdf_s8_t *layer, const int8_t *input, int8_t *output, int8_t *state)
{
    const int8_t *time = layer->time;
    size_t older = (size_t)layer->memory - 1;
    int32_t filter = 0;

    for (int32_t unit = 0; unit < layer->units; unit++) {
        uint32_t sum = (uint32_t)layer->bias[unit];
        for (int32_t k = 0; k < layer->rank; k++, state += layer->memory) {
            int32_t kept = aot_saturate(newest(layer, input, filter++)) + layer->state_zero_point;
            memmove(state, state + 1, older);
            state[older] = (int8_t)(uint8_t)(kept & 255);
            for (int32_t at = 0; at < layer->memory; at++) {
                sum += (uint32_t)(*time++ * state[at]);
            }
        }
        output[unit] = finished(layer, sum);
    }
}

void aot_svdf_16_s8(const aot_svdf_s8_t *layer, const int8_t *input, int8_t *output,
                    int16_t *state)
{
    const int16_t *time = layer->time;
    size_t older = (size_t)layer->memory - 1;
    int32_t filter = 0;

    for (int32_t unit = 0; unit < layer->units; unit++) {
        uint32_t sum = (uint32_t)layer->bias[unit];
        for (int32_t k = 0; k < layer->rank; k++, state += layer->memory) {
            int32_t kept = newest(layer, input, filter++);
            memmove(state, state + 1, older * sizeof *state);
            state[older] = (int16_t)aot_clamp(kept, INT16_MIN, INT16_MAX);
            for (int32_t at = 0; at < layer->memory; at++) {
                sum += (uint32_t)(*time++ * state[at]);
            }
        }
        output[unit] = finished(layer, sum);
    }
}
