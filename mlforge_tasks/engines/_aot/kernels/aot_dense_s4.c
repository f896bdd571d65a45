#include "aot_dense_s4.h"

/* Of a byte as it lies in flash. */
#define LOWER(both) (((int32_t)((both) & 15U) ^ 8) - 8)
#define UPPER(both) ((int32_t)(int8_t)(both) >> 4)

static int32_t dot(const uint8_t *weights, const int8_t *x, int32_t inputs, int32_t sum)
{
    for (; inputs > 1; inputs -= 2) {
        uint8_t both = *weights++;
        sum += x[0] * LOWER(both) + x[1] * UPPER(both);
        x += 2;
    }
    return inputs > 0 ? sum + x[0] * LOWER(*weights) : sum;
}

void aot_dense_s4(const aot_dense_s4_t *layer, const int8_t *input, int8_t *output)
{
    int32_t bytes = (layer->inputs + 1) / 2;
    /* From a channel's multiplier and shift to the next one's. */
    int32_t multipliers = layer->step == 1 ? 0 : layer->step, shifts = layer->step == 1 ? 0 : 1;

    for (int32_t row = 0; row < layer->rows; row++) {
        const uint8_t *weights = layer->weights;
        for (int32_t c = 0; c < layer->channels; c++) {
            int32_t sum = dot(weights, input, layer->inputs, layer->bias[c * layer->step]);
            *output++ = aot_finish(sum, layer->multiplier[c * multipliers],
                                   layer->shift[c * shifts], layer->zero_point);
            weights += bytes;
        }
        input += layer->inputs;
    }
}
