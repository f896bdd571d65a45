#include "aot_depthwise_lines_s8.h"

#include "aot_dsp.h"

/* A line's weights, widened, and doubled, as aot_scale_fast wants the accumulator: those of taps 0
 * and 2, 1 and 3, 4; what there is not is 0.
 */
typedef struct {
    int32_t even, odd, last;
} aot_line_t;

/* Four outputs, a<p>, from `even` and `odd`, which have a plane's bytes 0 and 2, 1 and 3, or those
 * two or four bytes further.
 */
#define LOAD_BYTES(offset)                                                                         \
    AOT_LOAD(even, x, offset);                                                                     \
    AOT_ODD_BYTES(odd, even);                                                                      \
    AOT_EVEN_BYTES(even, even);
#define LINE_OF_THREE                                                                              \
    __asm__ volatile("ldrd %0, %1, [%2], #12" : "=&r"(w0), "=&r"(w1), "+r"(w));                    \
    LOAD_BYTES(0)                                                                                  \
    AOT_SMLAD(a0, w0, even);                                                                       \
    AOT_SMLA(bb, a0, w1, odd);                                                                     \
    AOT_SMLAD(a1, w0, odd);                                                                        \
    AOT_SMLA(bt, a1, w1, even);                                                                    \
    LOAD_BYTES(2)                                                                                  \
    AOT_SMLAD(a2, w0, even);                                                                       \
    AOT_SMLA(bb, a2, w1, odd);                                                                     \
    AOT_SMLAD(a3, w0, odd);                                                                        \
    AOT_SMLA(bt, a3, w1, even);
#define LINE_OF_FIVE                                                                               \
    __asm__ volatile("ldrd %0, %1, [%2], #8" : "=&r"(w0), "=&r"(w1), "+r"(w));                     \
    LOAD_BYTES(0)                                                                                  \
    AOT_SMLAD(a0, w0, even);                                                                       \
    AOT_SMLAD(a0, w1, odd);                                                                        \
    AOT_SMLAD(a1, w0, odd);                                                                        \
    LOAD_BYTES(2)                                                                                  \
    AOT_SMLAD(a1, w1, even);                                                                       \
    AOT_SMLAD(a2, w0, even);                                                                       \
    AOT_SMLAD(a2, w1, odd);                                                                        \
    AOT_SMLAD(a3, w0, odd);                                                                        \
    LOAD_BYTES(4)                                                                                  \
    AOT_SMLAD(a3, w1, even);                                                                       \
    AOT_LOAD_NEXT(w0, w);                                                                          \
    AOT_SMLA(bb, a0, w0, even);                                                                    \
    AOT_SMLA(bb, a1, w0, odd);                                                                     \
    AOT_SMLA(bt, a2, w0, even);                                                                    \
    AOT_SMLA(bt, a3, w0, odd);

static void prepare(const int8_t *w, int32_t lines, int32_t taps, aot_line_t *line)
{
    for (; lines > 0; lines--) {
        int32_t even, odd;
        AOT_LOAD(even, w, 0);
        AOT_ODD_BYTES(odd, even);
        AOT_EVEN_BYTES(even, even);
        AOT_DOUBLE_HALVES(even);
        AOT_DOUBLE_HALVES(odd);
        line->even = even;
        line->odd = odd;
        line->last = 2 * w[taps - 1];
        line++;
        w += taps;
    }
}

AOT_INLINE void filter(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift,
                       const int8_t *weights, const int8_t *plane, int8_t *output, int32_t taps,
                       int32_t relu)
{
    aot_line_t lines[AOT_MOST_LINES];
    const int8_t *end = (const int8_t *)(lines + layer->kernel.across);
    int32_t line = layer->plane.along * layer->dilation.across, step = layer->output_step.along;
    int32_t bias = 2 * requant[0], multiplier = requant[1];
    int32_t centre = aot_centre(layer->output_zero_point, shift), along = layer->output.along;
    int32_t down = layer->stride.across * layer->plane.along, next = layer->output_step.across;

    AOT_MEMORY_WRITTEN;
    prepare(weights, layer->kernel.across, taps, lines);
    AOT_MEMORY_WRITTEN;
    for (int32_t oy = layer->output.across; oy > 0; oy--) {
        const int8_t *from = plane;
        int8_t *y = output;
        for (int32_t left = along; left > 0; left -= 4) {
            if (left < 4) { /* the last ones, and some before once more */
                from -= 4 - left;
                y -= (4 - left) * step;
            }
            const int8_t *x = from, *w = (const int8_t *)lines;
            int32_t a0 = bias, a1 = bias, a2 = bias, a3 = bias, even, odd, w0, w1;
            do {
                if (taps == 3) {
                    LINE_OF_THREE
                } else {
                    LINE_OF_FIVE
                }
                x += line;
            } while (w != end);
            y[0] = aot_saturate(aot_scale_dsp(a0, multiplier, centre, relu) >> shift);
            y[step] = aot_saturate(aot_scale_dsp(a1, multiplier, centre, relu) >> shift);
            y += 2 * step;
            y[0] = aot_saturate(aot_scale_dsp(a2, multiplier, centre, relu) >> shift);
            y[step] = aot_saturate(aot_scale_dsp(a3, multiplier, centre, relu) >> shift);
            y += 2 * step;
            from += 4;
        }
        plane += down;
        output += next;
    }
}

#define FILTER(name, taps, relu)                                                                   \
    void name(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift,                 \
              const int8_t *w, const int8_t *plane, int8_t *output)                                \
    {                                                                                              \
        filter(layer, requant, shift, w, plane, output, taps, relu);                               \
    }

FILTER(aot_filter_fours_3_s8, 3, 0)
FILTER(aot_filter_fours_3_relu_s8, 3, 1)
FILTER(aot_filter_fours_5_s8, 5, 0)
FILTER(aot_filter_fours_5_relu_s8, 5, 1)
