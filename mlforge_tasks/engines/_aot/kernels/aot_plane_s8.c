#include "aot_plane_s8.h"

#include "aot_fill_s8.h"

/* Makes int8s of neighbouring accumulators. */
AOT_INLINE void store_four(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift, int32_t a0,
                           int32_t a1, int32_t a2, int32_t a3, int8_t *y)
{
    int32_t step = layer->output_step.along;
    int32_t zero_point = layer->output_zero_point;

    if (shift > 0) {
        int32_t multiplier = requant[1], centre = aot_centre(zero_point, shift);
        y[0] = aot_requantise(a0, multiplier, centre, shift);
        y += step;
        y[0] = aot_requantise(a1, multiplier, centre, shift);
        y[step] = aot_requantise(a2, multiplier, centre, shift);
        y += step;
        y[step] = aot_requantise(a3, multiplier, centre, shift);
    } else {
        y[0] = aot_requantise_wide(a0, requant[1], shift, zero_point);
        y[step] = aot_requantise_wide(a1, requant[1], shift, zero_point);
        y[2 * step] = aot_requantise_wide(a2, requant[1], shift, zero_point);
        y[3 * step] = aot_requantise_wide(a3, requant[1], shift, zero_point);
    }
}

/* Four neighbouring outputs of any kernel. */
static void four(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift, const int8_t *w,
                 const int8_t *x, int8_t *y)
{
    int32_t stride = layer->stride.along, dilation = layer->dilation.along;
    int32_t line = layer->plane.along * layer->dilation.across;
    int32_t a0 = requant[0], a1 = a0, a2 = a0, a3 = a0;

    for (int32_t k = layer->kernel.across; k > 0; k--) {
        const int8_t *tap = x;
        const int8_t *end = w + layer->kernel.along;
        do {
            int32_t weight = *w++;
            int32_t value = tap[0];
            AOT_MAC(a0, weight, value);
            value = tap[stride];
            AOT_MAC(a1, weight, value);
            value = tap[2 * stride];
            AOT_MAC(a2, weight, value);
            value = tap[3 * stride];
            AOT_MAC(a3, weight, value);
            tap += dilation;
        } while (w != end);
        x += line;
    }
    store_four(layer, requant, shift, a0, a1, a2, a3, y);
}

static void one(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift, const int8_t *w,
                const int8_t *x, int8_t *y)
{
    int32_t dilation = layer->dilation.along;
    int32_t line = layer->plane.along * layer->dilation.across;
    int32_t acc = requant[0];

    for (int32_t k = layer->kernel.across; k > 0; k--) {
        const int8_t *tap = x;
        const int8_t *end = w + layer->kernel.along;
        do {
            int32_t weight = *w++;
            int32_t value = *tap;
            AOT_MAC(acc, weight, value);
            tap += dilation;
        } while (w != end);
        x += line;
    }
    *y = aot_finish(acc, requant[1], shift, layer->output_zero_point);
}

/* A kernel three taps long, stride 1, the commonest: each value is loaded once for the outputs that
 * share it. The last four outputs of a line may overlap those before.
 */
AOT_INLINE void filter_three(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift,
                             const int8_t *weights, const int8_t *plane, int8_t *output,
                             int32_t kernel_lines)
{
    int32_t line = layer->plane.along * layer->dilation.across, step = layer->output_step.along;
    int32_t bias = requant[0], multiplier = requant[1];
    int32_t centre = aot_centre(layer->output_zero_point, shift);

    for (int32_t oy = layer->output.across; oy > 0; oy--) {
        const int8_t *from = plane;
        int8_t *y = output;
        for (int32_t left = layer->output.along; left > 0; left -= 4) {
            if (left < 4) {
                from -= 4 - left;
                y -= (4 - left) * step;
            }
            const int8_t *x = from, *w = weights;
            int32_t a0 = bias, a1 = bias, a2 = bias, a3 = bias;
            AOT_UNROLL
            for (int32_t k = kernel_lines; k > 0; k--) {
                int32_t w0 = w[0], w1 = w[1], w2 = w[2];
                int32_t value = x[0];
                AOT_MAC(a0, w0, value);
                value = x[1];
                AOT_MAC(a0, w1, value);
                AOT_MAC(a1, w0, value);
                value = x[2];
                AOT_MAC(a0, w2, value);
                AOT_MAC(a1, w1, value);
                AOT_MAC(a2, w0, value);
                value = x[3];
                AOT_MAC(a1, w2, value);
                AOT_MAC(a2, w1, value);
                AOT_MAC(a3, w0, value);
                value = x[4];
                AOT_MAC(a2, w2, value);
                AOT_MAC(a3, w1, value);
                value = x[5];
                AOT_MAC(a3, w2, value);
                x += line;
                w += 3;
            }
            y[0] = aot_requantise(a0, multiplier, centre, shift);
            y[step] = aot_requantise(a1, multiplier, centre, shift);
            y += 2 * step;
            y[0] = aot_requantise(a2, multiplier, centre, shift);
            y[step] = aot_requantise(a3, multiplier, centre, shift);
            y += 2 * step;
            from += 4;
        }
        plane += layer->stride.across * layer->plane.along;
        output += layer->output_step.across;
    }
}

void aot_filter_any_s8(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift, const int8_t *w,
                       const int8_t *plane, int8_t *output)
{
    int32_t stride = layer->stride.along, step = layer->output_step.along;

    for (int32_t oy = layer->output.across; oy > 0; oy--) {
        const int8_t *x = plane;
        int8_t *y = output;
        int32_t left = layer->output.along;
        for (; left >= 4; left -= 4) {
            four(layer, requant, shift, w, x, y);
            x += 4 * stride;
            y += 4 * step;
        }
        for (; left > 0; left--) {
            one(layer, requant, shift, w, x, y);
            x += stride;
            y += step;
        }
        plane += layer->stride.across * layer->plane.along;
        output += layer->output_step.across;
    }
}

void aot_filter_lines_s8(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift,
                         const int8_t *w, const int8_t *plane, int8_t *output)
{
    filter_three(layer, requant, shift, w, plane, output, layer->kernel.across);
}

void aot_filter_3x3_s8(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift,
                       const int8_t *w, const int8_t *plane, int8_t *output)
{
    filter_three(layer, requant, shift, w, plane, output, 3);
}

/* Copies one channel to where the border leaves it room. */
static void gather_plane(const aot_depthwise_t *layer, const int8_t *input, int8_t *plane)
{
    int32_t step = layer->input_step.along;

    plane += layer->pad.across * layer->plane.along + layer->pad.along;
    for (int32_t line = layer->input.across; line > 0; line--) {
        const int8_t *x = input;
        int8_t *to = plane;
        int32_t left = layer->input.along;
        for (; left >= 4; left -= 4) {
            to[0] = x[0];
            x += step;
            to[1] = x[0];
            to[2] = x[step];
            x += step;
            to[3] = x[step];
            x += 2 * step;
            to += 4;
        }
        for (; left > 0; left--) {
            *to++ = *x;
            x += step;
        }
        plane += layer->plane.along;
        input += layer->input_step.across;
    }
}

void aot_for_each_plane_s8(const aot_depthwise_t *layer, aot_filter_t *filter, const int8_t *input,
                           int8_t *output, int8_t *scratch)
{
    const int32_t *requant = layer->requant;
    const int8_t *w = layer->weights, *shift = layer->shift;

    /* Only the inside is overwritten, so the border is written once for all channels; in words, as
     * scratch memory has room for a whole number of them.
     */
    uint32_t border = UINT32_C(0x01010101) * (uint8_t)layer->input_zero_point;
    for (int32_t at = 0; at < layer->plane.across * layer->plane.along; at += 4) {
        aot_store_word(scratch + at, border);
    }
    for (int32_t c = 0; c < layer->input_channels; c++) {
        gather_plane(layer, input++, scratch);
        for (int32_t m = 0; m < layer->multiplier; m++) {
            filter(layer, requant, *shift++, w, scratch, output++);
            requant += 2;
            w += layer->channel_bytes;
        }
    }
}
