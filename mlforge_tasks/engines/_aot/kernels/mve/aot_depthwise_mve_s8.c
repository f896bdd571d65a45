#include "aot_depthwise_mve_s8.h"

#include "aot_fill_s8.h"
#include "aot_mve.h"

/* The windows of a band, relative to its first. */
static void make_table(const aot_depthwise_mve_t *layer, int32_t *table)
{
    for (int32_t oy = 0; oy < layer->band; oy++) {
        for (int32_t ox = 0; ox < layer->output.along; ox++) {
            *table++ = oy * layer->window_step.across + ox * layer->window_step.along;
        }
    }
}

/* Copies one channel into the plane. */
static void gather_plane(const aot_depthwise_mve_t *layer, const int8_t *input, int8_t *plane)
{
    uint16_t step = (uint16_t)layer->input_step.along;
    uint16x8_t places = vmulq_n_u16(vidupq_n_u16(0, 1), step);

    int32_t pitch = layer->pitch, line_step = layer->input_step.across;

    plane += layer->first;
    for (int32_t left = layer->input.along; left > 0; left -= 8) {
        mve_pred16_t some = vctp16q((uint32_t)left);
        const int8_t *x = input;
        int8_t *to = plane;
        for (int32_t line = layer->input.across; line > 0; line--) {
            vstrbq_p_s16(to, vldrbq_gather_offset_z_s16(x, places, some), some);
            x += line_step;
            to += pitch;
        }
        input += 8 * step;
        plane += 8;
    }
}

/* Puts a channel's weights where the window's vectors have its taps. */
static void spread_weights(const aot_depthwise_mve_t *layer, const int8_t *w, int8_t *vectors)
{
    int32_t taps = layer->kernel.along, line = 0;
    mve_pred16_t some = vctp8q((uint32_t)taps);
    uint8x16_t places = vmulq_n_u8(vidupq_n_u8(0, 1), (uint8_t)layer->tap_step);
    int8_t *to = vectors;

    for (int32_t left = layer->kernel.across; left > 0; left--) {
        vstrbq_scatter_offset_p_s8(to, places, vldrbq_z_s8(w, some), some);
        w += taps;
        to += layer->line_step;
        if (++line == layer->lines) {
            line = 0;
            vectors += 16;
            to = vectors;
        }
    }
}

/* One output's inner product; `vectors` is a constant. */
AOT_INLINE int32_t window(const int8x16_t *w, int32_t vectors, const int8_t *x, int32_t step)
{
    int32_t sum = vmladavq_s8(w[0], vldrbq_s8(x));
    AOT_UNROLL
    for (int32_t i = 1; i < vectors; i++) {
        x += step;
        sum = vmladavaq_s8(sum, w[i], vldrbq_s8(x));
    }
    return sum;
}

/* Inner products of four windows. */
AOT_INLINE int32x4_t four(const int8x16_t *w, int32_t vectors, const int8_t *from,
                          const int32_t *at, int32_t step)
{
    int32_t a0 = window(w, vectors, from + at[0], step);
    int32_t a1 = window(w, vectors, from + at[1], step);
    int32_t a2 = window(w, vectors, from + at[2], step);
    int32_t a3 = window(w, vectors, from + at[3], step);
    return aot_vector(a0, a1, a2, a3);
}

AOT_INLINE int32x4_t scaled(int32x4_t sums, int32_t bias, int32_t multiplier, int32_t shift)
{
    return aot_scale_fast_x4(vaddq_n_s32(sums, bias), multiplier, shift);
}

/* All outputs of a channel, eight at a time; the last of a band may overlap those before. */
AOT_INLINE void filter(const aot_depthwise_mve_t *layer, const int32_t *requant, int32_t shift,
                       const int8_t *weights, int32_t vectors, const int8_t *plane,
                       const int32_t *table, int8_t *output)
{
    int32_t bias = requant[0], multiplier = requant[1];
    int32_t zero_point = layer->output_zero_point;
    int8x16_t w[5];
    int32_t step = layer->output_step.along, vector_step = layer->vector_step;
    int32_t count = layer->band * layer->output.along;
    uint16x8_t lane = vidupq_n_u16(0, 1);
    uint16x8_t odd = vandq_u16(lane, vdupq_n_u16(1));
    uint16x8_t places = vmlaq_n_u16(vshrq_n_u16(lane, 1), odd, 4); /* 0, 4, 1, 5, ... */
    places = vmulq_n_u16(places, (uint16_t)step);

    AOT_UNROLL
    for (int32_t i = 0; i < vectors; i++) {
        w[i] = vldrbq_s8(&weights[16 * i]);
    }
    for (int32_t oy = 0; oy < layer->output.across; oy += layer->band) {
        int32_t line = oy + layer->band > layer->output.across ? layer->output.across - layer->band
                                                               : oy;
        const int8_t *from = plane + line * layer->window_step.across;
        int8_t *y = output + line * layer->output_step.across;
        const int32_t *at = table;
        int32_t left = count;
        while (left >= 8) {
            int32x4_t sums0 = four(w, vectors, from, at, vector_step);
            int32x4_t sums1 = four(w, vectors, from, at + 4, vector_step);
            sums0 = scaled(sums0, bias, multiplier, shift);
            sums1 = scaled(sums1, bias, multiplier, shift);
            vstrbq_scatter_offset_s16(y, places, aot_narrow(sums0, sums1, zero_point));
            at += 8;
            y += 8 * step;
            left -= 8;
            if (left > 0 && left < 8) {
                at -= 8 - left;
                y -= (8 - left) * step;
                left = 8;
            }
        }
        for (; left > 0; left -= 4) { /* only where a band has less than eight */
            int32_t back = left < 4 ? 4 - left : 0;
            int32_t results[4];
            at -= back;
            y -= back * step;
            vst1q_s32(results, scaled(four(w, vectors, from, at, vector_step), bias, multiplier, shift));
            for (int32_t i = 0; i < 4; i++) {
                *y = aot_quantised(results[i], zero_point);
                y += step;
            }
            at += 4;
        }
    }
}

/* One function for each number of vectors that a window may take. */
typedef void filter_t(const aot_depthwise_mve_t *layer, const int32_t *requant, int32_t shift,
                      const int8_t *weights, const int8_t *plane, const int32_t *table,
                      int8_t *output);

#define FILTER(vectors)                                                                            \
    AOT_APART void filter_##vectors(const aot_depthwise_mve_t *layer,                              \
                                    const int32_t *requant, int32_t shift, const int8_t *weights,         \
                                    const int8_t *plane, const int32_t *table, int8_t *output)     \
    {                                                                                              \
        filter(layer, requant, shift, weights, vectors, plane, table, output);                          \
    }
FILTER(1)
FILTER(3)
FILTER(5)

AOT_INLINE void depthwise(const aot_depthwise_mve_t *layer, filter_t *filter_plane,
                          const int8_t *input, int8_t *output, int8_t *scratch, int32_t table)
{
    int32_t *places = (int32_t *)(void *)(scratch + table);
    const int8_t *weights = layer->weights;
    const int32_t *requant = layer->requant;
    const int8_t *shift = layer->shift;
    int8_t spread[5 * 16] = {0};

    make_table(layer, places);
    aot_fill_s8(scratch, layer->input_zero_point, layer->plane_bytes);
    for (int32_t c = 0; c < layer->input_channels; c++) {
        gather_plane(layer, input++, scratch);
        for (int32_t m = 0; m < layer->multiplier; m++) {
            spread_weights(layer, weights, spread);
            weights += layer->kernel.across * layer->kernel.along;
            filter_plane(layer, requant, *shift++, spread, scratch, places, output++);
            requant += 2;
        }
    }
}

void aot_depthwise_one_s8(const aot_depthwise_mve_t *layer, const int8_t *input, int8_t *output,
                          int8_t *scratch, int32_t table)
{
    depthwise(layer, filter_1, input, output, scratch, table);
}

void aot_depthwise_three_s8(const aot_depthwise_mve_t *layer, const int8_t *input, int8_t *output,
                            int8_t *scratch, int32_t table)
{
    depthwise(layer, filter_3, input, output, scratch, table);
}

void aot_depthwise_five_s8(const aot_depthwise_mve_t *layer, const int8_t *input, int8_t *output,
                           int8_t *scratch, int32_t table)
{
    depthwise(layer, filter_5, input, output, scratch, table);
}
