#include "aot_small.h"

#include "aot_map_s16.h"

static int32_t rescaled(const aot_rescale_s16_t *layer, int32_t value)
{
    const aot_scale_t *by = value >= 0 ? &layer->positive : &layer->negative;
    return aot_scale(value, by->multiplier, by->shift);
}

/* The sum wraps, as the reference's does. */
static int32_t moved(int32_t value, int32_t zero_point)
{
    return (int32_t)((uint32_t)value + (uint32_t)zero_point);
}

void aot_rescale_s16(const aot_rescale_s16_t *layer, const int16_t *input, int16_t *output)
{
    for (int32_t left = layer->count; left > 0; left--) {
        *output++ = (int16_t)aot_clamp(rescaled(layer, *input++), INT16_MIN, INT16_MAX);
    }
}

void aot_narrow_s16(const aot_rescale_s16_t *layer, const int16_t *input, int8_t *output)
{
    for (int32_t left = layer->count; left > 0; left--) {
        *output++ = aot_saturate(moved(rescaled(layer, *input++), layer->zero_point));
    }
}

void aot_widen_s16(const aot_rescale_s16_t *layer, const int8_t *input, int16_t *output)
{
    for (int32_t left = layer->count; left > 0; left--) {
        int32_t value = rescaled(layer, *input++ - layer->zero_point);
        *output++ = (int16_t)aot_clamp(value, INT16_MIN, INT16_MAX);
    }
}

void aot_clamp_s16(int32_t low, int32_t high, int32_t count, const int16_t *input, int16_t *output)
{
    for (; count > 0; count--) {
        *output++ = (int16_t)aot_clamp(*input++, low, high);
    }
}

/* How far a value is from 0, in steps of the table that 1 << bits make. */
static uint32_t interpolated(const aot_sigmoid_s16_t *layer, uint32_t distance, int32_t bits)
{
    uint32_t place = distance >> bits, rest = distance & ((UINT32_C(1) << bits) - 1);

    if (place >= AOT_SIGMOID_PLACES_S16 - 1) {
        return UINT32_C(0xFFFF) << bits;
    }
    uint32_t value = layer->table[place];
    return (value << bits) + rest * (layer->table[place + 1] - value);
}

static int32_t place_of(const aot_sigmoid_s16_t *layer, int32_t value)
{
    int32_t half = layer->shift > 0 ? (int32_t)(UINT32_C(1) << (layer->shift - 1)) : 0;
    return (int32_t)((uint32_t)(value * layer->multiplier) + (uint32_t)half) >> layer->shift;
}

static uint32_t distance_of(int32_t place)
{
    return place < 0 ? -(uint32_t)place : (uint32_t)place;
}

void aot_logistic_s16(const aot_sigmoid_s16_t *layer, const int16_t *input, int16_t *output)
{
    const uint32_t limit = UINT32_C(0xFFFF) << 9, most = UINT32_C(0x7FFF) << 10;

    for (int32_t left = layer->count; left > 0; left--) {
        int32_t place = place_of(layer, *input++);
        uint32_t value = interpolated(layer, distance_of(place), 9);
        value = value == limit ? most : value;
        value = place >= 0 ? value + (1 << 9) : (1 << 25) - value + (1 << 9) - 1;
        *output++ = (int16_t)(value >> 10);
    }
}

void aot_tanh_s16(const aot_sigmoid_s16_t *layer, const int16_t *input, int16_t *output)
{
    for (int32_t left = layer->count; left > 0; left--) {
        int32_t place = place_of(layer, *input++);
        int32_t value = (int32_t)interpolated(layer, distance_of(place), 8) - (1 << 23);
        value = place >= 0 ? value + (1 << 7) : (1 << 7) - 1 - value;
        *output++ = (int16_t)(value >> 8);
    }
}
