#include "aot_conv_rows_s8.h"

#include "aot_mve.h"

/* Copies a row of the input to its place in the ring; a row outside it is all zero points. Columns
 * of the border keep the zero points that the ring was filled with.
 */
static void load_row(const aot_conv_rows_t *layer, const int8_t *input, int32_t line, int8_t *row)
{
    int32_t channels = layer->input_channels, stride = layer->stride_width;
    int32_t pixels = layer->stream_bytes / 16;

    if (line < 0 || line >= layer->input_height) {
        aot_fill_vectors(row, layer->input_zero_point, layer->row_bytes);
        return;
    }
    input += line * layer->input_width * channels;
    for (int32_t left = channels; left > 0; left -= 16) {
        mve_pred16_t some = vctp8q((uint32_t)left);
        for (int32_t stream = 0; stream < layer->streams; stream++) {
            int32_t before = layer->pad_left - stream;
            int32_t first = before > 0 ? (before + stride - 1) / stride : 0;
            int32_t x = first * stride - before;
            int32_t last = (layer->input_width - 1 - x) / stride + first;
            const int8_t *from = input + x * channels;
            int8_t *to = row + 16 * first;
            if (x < layer->input_width) {
                for (int32_t i = first; i <= last && i < pixels; i++) {
                    vst1q_s8(to, vldrbq_z_s8(from, some));
                    from += stride * channels;
                    to += 16;
                }
            }
            row += layer->stream_bytes;
        }
        input += 16;
    }
}

/* Inner products of eight neighbouring windows, in all of MVE's accumulators, the even registers.
 * One statement with fixed registers, because GCC moves the accumulators about if it may.
 */
#define NEXT(vector, from) "vldrb.8 " #vector ", [" #from "], #16\n\t"
#define MAC(acc, w) "vmladava.s8 " #acc ", " #w ", q3\n\t"
#define FIRST_TWO(a, b)                                                                            \
    NEXT(q3, r1) MAC(a, q0)                                                                        \
    NEXT(q3, r1) MAC(a, q1) MAC(b, q0)
#define INNER_THREE(a, b, c) NEXT(q3, r1) MAC(a, q2) MAC(b, q1) MAC(c, q0)
#define INNER_TWO(a, b) NEXT(q3, r1) MAC(a, q1) MAC(b, q0)
#define INNER_ONE(a, w) NEXT(q3, r1) MAC(a, w)
#define SEGMENT                                                                                    \
    "ldr r1, [r9], #4\n\t"                                                                         \
    "add r1, r5\n\t"

#define THREE_TAPS                                                                                 \
    SEGMENT NEXT(q0, r3) NEXT(q1, r3) NEXT(q2, r3)                                                 \
    FIRST_TWO(r0, r2)                                                                              \
    INNER_THREE(r0, r2, r4) INNER_THREE(r2, r4, r6) INNER_THREE(r4, r6, r8)                        \
    INNER_THREE(r6, r8, r10) INNER_THREE(r8, r10, r12) INNER_THREE(r10, r12, lr)                   \
    NEXT(q3, r1) MAC(r12, q2) MAC(lr, q1)                                                          \
    NEXT(q3, r1) MAC(lr, q2)
#define TWO_TAPS                                                                                   \
    SEGMENT NEXT(q0, r3) NEXT(q1, r3)                                                              \
    FIRST_TWO(r0, r2)                                                                              \
    INNER_TWO(r2, r4) INNER_TWO(r4, r6) INNER_TWO(r6, r8)                                          \
    INNER_TWO(r8, r10) INNER_TWO(r10, r12) INNER_TWO(r12, lr)                                      \
    INNER_ONE(lr, q1)
#define ONE_TAP                                                                                    \
    SEGMENT NEXT(q0, r3)                                                                           \
    INNER_ONE(r0, q0) INNER_ONE(r2, q0) INNER_ONE(r4, q0) INNER_ONE(r6, q0)                        \
    INNER_ONE(r8, q0) INNER_ONE(r10, q0) INNER_ONE(r12, q0) INNER_ONE(lr, q0)

#define EIGHT_WINDOWS(TAPS)                                                                        \
    register const int8_t *const *segment __asm__("r9") = segments;                                \
    register const int8_t *const *stop __asm__("r11") = end;                                       \
    register const int8_t *weights __asm__("r3") = w;                                              \
    register int32_t offset __asm__("r5") = column;                                                \
    register int32_t start __asm__("r1") = bias;                                                   \
    register int32x4_t result0 __asm__("q0");                                                      \
    register int32x4_t result1 __asm__("q1");                                                      \
    __asm__ volatile("mov r0, r1\n\t"                                                              \
                     "mov r2, r1\n\t"                                                              \
                     "mov r4, r1\n\t"                                                              \
                     "mov r6, r1\n\t"                                                              \
                     "mov r8, r1\n\t"                                                              \
                     "mov r10, r1\n\t"                                                             \
                     "mov r12, r1\n\t"                                                             \
                     "mov lr, r1\n"                                                                \
                     "1:\n\t" TAPS "cmp r9, r11\n\t"                                               \
                     "bne 1b\n\t"                                                                  \
                     "vmov q0[2], q0[0], r0, r4\n\t"                                               \
                     "vmov q0[3], q0[1], r2, r6\n\t"                                               \
                     "vmov q1[2], q1[0], r8, r12\n\t"                                              \
                     "vmov q1[3], q1[1], r10, lr"                                                  \
                     : "=w"(result0), "=w"(result1), "+r"(weights), "+r"(segment), "+r"(start)     \
                     : "r"(stop), "r"(offset)                                                      \
                     : "q2", "q3", "r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr", "cc",         \
                       "memory");                                                                  \
    *sums0 = result0;                                                                              \
    *sums1 = result1

typedef void eight_t(const int8_t *const *segments, const int8_t *const *end, const int8_t *w,
                     int32_t column, int32_t bias, int32x4_t *sums0, int32x4_t *sums1);

#define EIGHT(name, TAPS)                                                                          \
    AOT_INLINE void name(const int8_t *const *segments, const int8_t *const *end, const int8_t *w, \
                         int32_t column, int32_t bias, int32x4_t *sums0, int32x4_t *sums1)         \
    {                                                                                              \
        EIGHT_WINDOWS(TAPS);                                                                       \
    }
EIGHT(eight_of_three, THREE_TAPS)
EIGHT(eight_of_two_one, TWO_TAPS ONE_TAP)

/* All output channels of a row, eight windows at a time; the last eight may overlap those before. */
AOT_INLINE void filter_row(const aot_conv_rows_t *layer, eight_t *eight,
                           const int8_t *const *segments, const int8_t *const *end, int8_t *output)
{
    int32_t step = layer->channels, last = layer->output_width - 8;
    int32_t zero_point = layer->output_zero_point;
    const int8_t *w = layer->weights;
    const int32_t *requant = layer->requant;
    uint16x8_t lane = vidupq_n_u16(0, 1);
    uint16x8_t odd = vandq_u16(lane, vdupq_n_u16(1));
    uint16x8_t places = vmlaq_n_u16(vshrq_n_u16(lane, 1), odd, 4); /* 0, 4, 1, 5, ... */
    places = vmulq_n_u16(places, (uint16_t)step);

    for (int32_t c = 0; c < step; c++) {
        int32_t bias = requant[0], multiplier = requant[1], shift = layer->shift[c];
        for (int32_t x = 0;; x = x + 8 < last ? x + 8 : last) {
            int32x4_t sums0, sums1;
            eight(segments, end, w, 16 * x, bias, &sums0, &sums1);
            sums0 = aot_scale_fast_x4(sums0, multiplier, shift);
            sums1 = aot_scale_fast_x4(sums1, multiplier, shift);
            vstrbq_scatter_offset_s16(output + x * step, places,
                                      aot_narrow(sums0, sums1, zero_point));
            if (x == last) {
                break;
            }
        }
        w += layer->channel_bytes;
        requant += 2;
        output++;
    }
}

/* One function for each kind of segments. */
typedef void filter_t(const aot_conv_rows_t *layer, const int8_t *const *segments,
                      const int8_t *const *end, int8_t *output);

#define FILTER(kind)                                                                               \
    AOT_APART void filter_##kind(const aot_conv_rows_t *layer, const int8_t *const *segments,      \
                                 const int8_t *const *end, int8_t *output)                         \
    {                                                                                              \
        filter_row(layer, eight_of_##kind, segments, end, output);                                 \
    }
FILTER(three)
FILTER(two_one)

static void convolution(const aot_conv_rows_t *layer, filter_t *filter, const int8_t *input,
                        int8_t *output, int8_t *scratch, int32_t table)
{
    const int8_t **segments = (const int8_t **)(void *)(scratch + table);
    int32_t kernel_height = layer->kernel_height, loaded = 0;

    aot_fill_vectors(scratch, layer->input_zero_point, kernel_height * layer->row_bytes);
    for (int32_t oy = 0; oy < layer->output_height; oy++) {
        int32_t top = oy * layer->stride_height;
        const int8_t **end = segments;
        for (loaded = loaded < top ? top : loaded; loaded < top + kernel_height; loaded++) {
            load_row(layer, input, loaded - layer->pad_top,
                     scratch + loaded % kernel_height * layer->row_bytes);
        }
        for (int32_t ky = 0; ky < kernel_height; ky++) {
            const int8_t *row = scratch + (top + ky) % kernel_height * layer->row_bytes;
            for (int32_t i = 0; i < layer->segments; i++) {
                *end++ = row + layer->places[i];
            }
        }
        filter(layer, segments, end, output);
        output += layer->output_width * layer->channels;
    }
}

void aot_conv_rows_three_s8(const aot_conv_rows_t *layer, const int8_t *input, int8_t *output,
                            int8_t *scratch, int32_t table)
{
    convolution(layer, filter_three, input, output, scratch, table);
}

void aot_conv_rows_two_one_s8(const aot_conv_rows_t *layer, const int8_t *input, int8_t *output,
                              int8_t *scratch, int32_t table)
{
    convolution(layer, filter_two_one, input, output, scratch, table);
}
