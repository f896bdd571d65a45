#include "aot_lstm_s8.h"

#include <string.h>

static int32_t narrowed(int32_t value)
{
    return aot_clamp(value, INT16_MIN, INT16_MAX);
}

/* Products of all gates of a unit, each scaled to what a gate is given. */
AOT_APART void products(const int8_t *x, const int8_t *weights, int32_t taps, const int32_t *bias,
                        const aot_scale_t *by, int32_t made[AOT_LSTM_GATES])
{
    int32_t a0 = bias[0], a1 = bias[1], a2 = bias[2], a3 = bias[3];

    for (; taps > 0; taps--, weights += AOT_LSTM_GATES) {
        int32_t value = *x++, w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3];
        AOT_MAC(a0, value, w0);
        AOT_MAC(a1, value, w1);
        AOT_MAC(a2, value, w2);
        AOT_MAC(a3, value, w3);
    }
    made[0] = narrowed(aot_scale(a0, by[0].multiplier, by[0].shift));
    made[1] = narrowed(aot_scale(a1, by[1].multiplier, by[1].shift));
    made[2] = narrowed(aot_scale(a2, by[2].multiplier, by[2].shift));
    made[3] = narrowed(aot_scale(a3, by[3].multiplier, by[3].shift));
}

/* All gates, [gate][unit]. */
static void open_gates(const aot_lstm_s8_t *layer, const int8_t *input, const int8_t *hidden,
                       int16_t *gates)
{
    int32_t inputs = layer->inputs, units = layer->units;

    for (int32_t unit = 0; unit < units; unit++) {
        int32_t given[AOT_LSTM_GATES], recurrent[AOT_LSTM_GATES], first = AOT_LSTM_GATES * unit;
        products(input, &layer->weights[first * inputs], inputs, &layer->bias[first], layer->scale,
                 given);
        products(hidden, &layer->recurrent_weights[first * units], units,
                 &layer->recurrent_bias[first], layer->recurrent_scale, recurrent);
        for (int32_t gate = 0; gate < AOT_LSTM_GATES; gate++) {
            gates[gate * units + unit] = (int16_t)narrowed(given[gate] + recurrent[gate]);
        }
    }
    aot_logistic_s16(&layer->logistic, gates, gates);
    aot_tanh_s16(&layer->tanh, &gates[3 * units], &gates[3 * units]);
}

static int32_t product(const aot_scale_t *by, int32_t a, int32_t b)
{
    return aot_scale(a * b, by->multiplier, by->shift);
}

static void step(const aot_lstm_s8_t *layer, int16_t *cells, int16_t *gates, int8_t *output)
{
    int32_t units = layer->units;
    const int16_t *forget = &gates[units], *out = &gates[2 * units], *made = &gates[3 * units];

    for (int32_t unit = 0; unit < units; unit++) {
        int32_t kept = narrowed(product(&layer->forget, forget[unit], cells[unit]));
        int32_t added = narrowed(product(&layer->update, gates[unit], made[unit]));
        int32_t cell = narrowed(kept + added);
        cells[unit] = (int16_t)aot_clamp(cell, -layer->clip, layer->clip);
    }
    aot_tanh_s16(&layer->cell_tanh, cells, gates);
    for (int32_t unit = 0; unit < units; unit++) {
        int32_t value = product(&layer->finish, gates[unit], out[unit]);
        output[unit] = aot_quantised(value, layer->zero_point);
    }
}

void aot_lstm_s8(const aot_lstm_s8_t *layer, const int8_t *input, int8_t *output, int8_t *hidden,
                 int16_t *cells, void *scratch)
{
    const int8_t *last = hidden;
    size_t units = (size_t)layer->units;

    for (int32_t left = layer->steps; left > 0; left--) {
        open_gates(layer, input, last, scratch);
        step(layer, cells, scratch, output);
        last = output;
        input += layer->inputs;
        output += units;
    }
    memcpy(hidden, last, units);
}
