#include "aot_depthwise_3x3_s8.h"

#include "aot_dsp.h"

/* One kernel line on two neighbouring outputs: outer holds taps 0 and 2, half A of middle tap 1;
 * `even` comes in as four bytes of the plane. The sums start from start0 and start1.
 */
#define KERNEL_LINE(A, outer, middle, start0, start1)                                              \
    AOT_ODD_BYTES(odd, even);                                                                      \
    AOT_EVEN_BYTES(even, even);                                                                    \
    __asm__ volatile("smlad %0, %1, %2, %3" : "=r"(a0) : "r"(outer), "r"(even), "r"(start0));      \
    AOT_SMLA(A##b, a0, middle, odd);                                                               \
    __asm__ volatile("smlad %0, %1, %2, %3" : "=r"(a1) : "r"(outer), "r"(odd), "r"(start1));       \
    AOT_SMLA(A##t, a1, middle, even);

/* aot_requantise of a doubled accumulator; the shift is in the lowest byte, behind which the
 * instruction does not look.
 */
AOT_INLINE int8_t finish(int32_t twice, int32_t multiplier, int32_t centre, int32_t shift,
                         int32_t relu)
{
    int32_t scaled = aot_scale_dsp(twice, multiplier, centre, relu);
    __asm__("asr %0, %0, %1" : "+r"(scaled) : "r"(shift));
    return aot_saturate(scaled);
}

/* Two neighbouring outputs, with all weights in registers, and on by two. Weights and bias are
 * doubled, as aot_scale_fast wants the accumulator.
 */
#define PAIR(relu)                                                                                 \
    do {                                                                                           \
        int32_t even, odd, a0, a1;                                                                 \
        __asm__ volatile("ldr %0, [%1, %2]" : "=r"(even) : "r"(x), "r"(line));                     \
        KERNEL_LINE(t, outer1, middle01, bias, bias)                                               \
        __asm__ volatile("ldr %0, [%1, %2, lsl #1]" : "=r"(even) : "r"(x), "r"(line));             \
        KERNEL_LINE(t, outer2, middle2, a0, a1)                                                    \
        __asm__ volatile("ldr %0, [%1], #2" : "=r"(even), "+r"(x));                                \
        KERNEL_LINE(b, outer0, middle01, a0, a1)                                                   \
        y[0] = finish(a0, multiplier, centre, middle2, relu);                                      \
        y[step] = finish(a1, multiplier, centre, middle2, relu);                                   \
        __asm__ volatile("add %0, %0, %1, lsl #1" : "+r"(y) : "r"(step));                          \
    } while (0)

AOT_INLINE void filter(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift,
                       const int8_t *w, const int8_t *plane, int8_t *output, int32_t relu)
{
    int32_t line = layer->plane.along * layer->dilation.across, step = layer->output_step.along;
    int32_t multiplier = requant[1], bias = 2 * requant[0];
    int32_t centre = aot_centre(layer->output_zero_point, shift);
    int32_t odd_length = layer->output.along & 1, pairs = layer->output.along - odd_length;
    int32_t down = layer->stride.across * layer->plane.along, next = layer->output_step.across;
    int32_t outer0, outer1, outer2, middle01, middle1, middle2;

    /* Nobody reads the byte behind a line's three. */
    AOT_MEMORY_WRITTEN;
    AOT_LOAD(outer0, w, 0);
    AOT_LOAD(outer1, w, 3);
    AOT_LOAD(outer2, w, 6);
    AOT_ODD_BYTES(middle01, outer0);
    AOT_ODD_BYTES(middle1, outer1);
    AOT_ODD_BYTES(middle2, outer2);
    __asm__ volatile("pkhbt %0, %0, %1, lsl #16" : "+r"(middle01) : "r"(middle1));
    AOT_EVEN_BYTES(outer0, outer0);
    AOT_EVEN_BYTES(outer1, outer1);
    AOT_EVEN_BYTES(outer2, outer2);
    AOT_DOUBLE_HALVES(outer0);
    AOT_DOUBLE_HALVES(outer1);
    AOT_DOUBLE_HALVES(outer2);
    AOT_DOUBLE_HALVES(middle01);
    AOT_DOUBLE_HALVES(middle2);
    /* Tap 1 of the last line and the shift share a register. */
    __asm__ volatile("pkhbt %0, %1, %0, lsl #16" : "+r"(middle2) : "r"(shift));
    for (int32_t oy = layer->output.across; oy > 0; oy--) {
        const int8_t *x = plane, *end = plane + pairs;
        int8_t *y = output;
        for (;;) {
            PAIR(relu);
            if (x < end) {
                continue;
            }
            if (x > end || !odd_length) {
                break;
            }
            x -= 1; /* the last one, and its neighbour once more */
            y -= step;
        }
        plane += down;
        output += next;
    }
}

void aot_filter_pairs_3x3_s8(const aot_depthwise_t *layer, const int32_t *requant, int32_t shift,
                             const int8_t *w, const int8_t *plane, int8_t *output)
{
    filter(layer, requant, shift, w, plane, output, 0);
}

void aot_filter_pairs_3x3_relu_s8(const aot_depthwise_t *layer, const int32_t *requant,
                                  int32_t shift, const int8_t *w, const int8_t *plane,
                                  int8_t *output)
{
    filter(layer, requant, shift, w, plane, output, 1);
}
