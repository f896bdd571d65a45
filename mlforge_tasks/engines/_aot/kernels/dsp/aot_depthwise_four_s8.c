#include "aot_depthwise_four_s8.h"

#include <string.h>

#include "aot_dsp.h"
#include "aot_fill_s8.h"

/* What four channels have in common during their outputs. A tap's weights are widened, and doubled,
 * as aot_scale_fast wants the accumulator.
 */
typedef struct {
    int32_t even, odd, place;
} aot_tap_t;

typedef struct {
    int32_t bias, multiplier, centre, shift;
} aot_channel_t;

/* Accumulator a<c> belongs to channel c. */
#define TAP                                                                                        \
    AOT_LOAD(even, w, 8);                                                                          \
    __asm__ volatile("ldr %0, [%1, %2]" : "=r"(odd) : "r"(x), "r"(even));                          \
    __asm__ volatile("ldrd %0, %1, [%2], #12" : "=&r"(w0), "=&r"(w1), "+r"(w));                    \
    AOT_EVEN_BYTES(even, odd);                                                                     \
    AOT_ODD_BYTES(odd, odd);                                                                       \
    AOT_SMLA(bb, a0, w0, even);                                                                    \
    AOT_SMLA(bb, a1, w1, odd);                                                                     \
    AOT_SMLA(tt, a2, w0, even);                                                                    \
    AOT_SMLA(tt, a3, w1, odd);

/* Taps come in threes, the last ones with weights 0. */
AOT_INLINE int32_t tap_room(const aot_depthwise_four_t *layer)
{
    return (layer->taps + 2) / 3 * 3;
}

AOT_INLINE int32_t load_word(const int8_t *x)
{
    int32_t word;
    memcpy(&word, x, sizeof word);
    return word;
}

static void prepare_taps(const aot_depthwise_four_t *layer, const int8_t *w, aot_tap_t *tap)
{
    for (const aot_tap_t *end = tap + layer->taps; tap != end; tap++) {
        int32_t word = load_word(w), even, odd;
        AOT_EVEN_BYTES(even, word);
        AOT_ODD_BYTES(odd, word);
        AOT_DOUBLE_HALVES(even);
        AOT_DOUBLE_HALVES(odd);
        tap->even = even;
        tap->odd = odd;
        w += 4;
    }
}

static void prepare_channels(const aot_depthwise_four_t *layer, int32_t first, int32_t count,
                             aot_channel_t *channel)
{
    const int32_t *requant = layer->requant + 2 * first;
    const int8_t *shift = layer->shift + first;

    for (; count > 0; count--) {
        channel->bias = 2 * requant[0];
        channel->multiplier = requant[1];
        channel->centre = aot_centre(layer->output_zero_point, *shift);
        channel->shift = *shift++;
        requant += 2;
        channel++;
    }
}

/* Copies `count` channels of a line's pixels. */
static void copy_line(const aot_depthwise_four_t *layer, const int8_t *x, int32_t count,
                      int8_t *line)
{
    int32_t pixel = layer->channels, left = layer->input.along;

    if (count == 4) {
        for (; left >= 2; left -= 2) {
            int32_t word0 = load_word(x), word1 = load_word(x + pixel);
            aot_store_word(line, (uint32_t)word0);
            aot_store_word(line + 4, (uint32_t)word1);
            x += 2 * pixel;
            line += 8;
        }
        if (left > 0) {
            aot_store_word(line, (uint32_t)load_word(x));
        }
        return;
    }
    for (; left > 0; left--) {
        for (int32_t c = 0; c < count; c++) {
            line[c] = x[c];
        }
        x += pixel;
        line += 4;
    }
}

/* Copies what `lines` lines of output read; `top` is their first line in the input. */
static void copy_lines(const aot_depthwise_four_t *layer, const int8_t *input, int32_t top,
                       int32_t lines, int32_t count, int8_t *copied)
{
    int32_t bytes = layer->line, height = layer->input.across;
    int32_t pitch = layer->input.along * layer->channels;
    int32_t advance = layer->band * layer->stride;
    int32_t i = 0, end = (lines - 1) * layer->stride + layer->span;

    if (top + layer->pad > 0 && layer->stride < layer->span) {
        i = layer->span - layer->stride;
        for (int32_t at = 0; at < i * bytes; at += 4) {
            aot_store_word(copied + at, (uint32_t)load_word(copied + advance * bytes + at));
        }
    }
    for (; i < end; i++) {
        int8_t *line = copied + i * bytes;
        if ((uint32_t)(top + i) < (uint32_t)height) {
            copy_line(layer, input + (top + i) * pitch, count, line + layer->first);
        } else {
            aot_fill_s8(line, layer->input_zero_point, bytes);
        }
    }
}

AOT_INLINE int8_t finish(int32_t twice, const aot_channel_t *channel)
{
    return aot_saturate(
        aot_scale_fast(twice, channel->multiplier, channel->centre, channel->shift));
}

/* Some lines of output of `count` channels. */
static void filter(const aot_depthwise_four_t *layer, const aot_tap_t *tap,
                   const aot_channel_t *channel, const int8_t *from, int32_t lines, int32_t count,
                   int8_t *output)
{
    int32_t channels = layer->channels, step = layer->step.along;
    const int8_t *end = (const int8_t *)(tap + tap_room(layer));

    AOT_MEMORY_WRITTEN;
    for (; lines > 0; lines--) {
        const int8_t *x = from;
        for (int32_t left = layer->output.along; left > 0; left--) {
            const int8_t *w = (const int8_t *)tap;
            int32_t a0 = channel[0].bias, a1 = channel[1].bias, a2 = channel[2].bias;
            int32_t a3 = channel[3].bias, even, odd, w0, w1;
            do {
                TAP TAP TAP
            } while (w != end);
            output[0] = finish(a0, channel);
            if (count == 4) {
                output[1] = finish(a1, channel + 1);
                output[2] = finish(a2, channel + 2);
                output[3] = finish(a3, channel + 3);
            } else {
                if (count > 1) {
                    output[1] = finish(a1, channel + 1);
                }
                if (count > 2) {
                    output[2] = finish(a2, channel + 2);
                }
            }
            x += step;
            output += channels;
        }
        from += layer->step.across;
    }
}

void aot_depthwise_four_s8(const aot_depthwise_four_t *layer, const int8_t *input, int8_t *output,
                           int8_t *scratch, int32_t lines)
{
    aot_channel_t *channel = (aot_channel_t *)(void *)scratch;
    aot_tap_t *tap = (aot_tap_t *)(void *)(channel + 4);
    int8_t *copied = scratch + lines;
    int32_t channels = layer->channels, height = layer->output.across, band = layer->band;

    for (int32_t t = 0; t < tap_room(layer); t++) {
        const aot_tap_t none = {0, 0, t < layer->taps ? layer->places[t] : 0};
        tap[t] = none;
    }
    /* Of lines inside only pixels are overwritten, so their border is written once. */
    if (band > 0) {
        aot_fill_s8(copied, layer->input_zero_point,
                    ((band - 1) * layer->stride + layer->span) * layer->line);
    }
    for (int32_t c = 0; c < channels; c += 4) {
        int32_t count = aot_smaller(channels - c, 4);
        prepare_taps(layer, layer->weights + c * layer->taps, tap);
        prepare_channels(layer, c, count, channel);
        if (band == 0) {
            filter(layer, tap, channel, input + c, height, count, output + c);
            continue;
        }
        int8_t *y = output + c;
        for (int32_t line = 0; line < height; line += band) {
            int32_t now = aot_smaller(height - line, band);
            int32_t top = line * layer->stride - layer->pad;
            copy_lines(layer, input + c, top, now, count, copied);
            filter(layer, tap, channel, copied, now, count, y);
            y += band * layer->output.along * channels;
        }
    }
}
