#include "aot_small.h"

#include "aot_leading_zeros.h"
#include "aot_softmax_s16.h"

/* Places are 128 apart; in between the table is interpolated. */
static int32_t lookup(const int16_t *table, int32_t value)
{
    int32_t saturated = aot_clamp(value, INT16_MIN, INT16_MAX);
    const int16_t *place = table + 256 + (saturated >> 7);
    int32_t slope = (int16_t)(place[1] - place[0]);

    return (int16_t)(place[0] + ((slope * (saturated & 127) + 64) >> 7));
}

static int32_t largest(const int16_t *x, int32_t depth)
{
    int32_t most = INT16_MIN;

    for (int32_t i = 0; i < depth; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

void aot_softmax_s16(const aot_softmax_s16_t *layer, const int16_t *input, int16_t *output)
{
    for (int32_t row = 0; row < layer->rows; row++) {
        int32_t most = largest(input, layer->depth), sum = 0;
        for (int32_t i = 0; i < layer->depth; i++) {
            int32_t scaled =
                aot_scale(input[i] - most, layer->scale.multiplier, layer->scale.shift);
            output[i] = (int16_t)lookup(layer->exponentials, scaled + INT16_MAX);
            sum += output[i];
        }
        int32_t zeros = aot_leading_zeros((uint32_t)sum), shift = 31 - zeros;
        int32_t above_one = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14);
        int32_t reciprocal = lookup(layer->reciprocals, above_one - (1 << 15) - (1 << 16));
        for (int32_t i = 0; i < layer->depth; i++) {
            int64_t product = (int64_t)output[i] * reciprocal + (1 << (shift - 1));
            output[i] = (int16_t)aot_clamp((int32_t)(product >> shift), 0, INT16_MAX);
        }
        input += layer->depth;
        output += layer->depth;
    }
}
