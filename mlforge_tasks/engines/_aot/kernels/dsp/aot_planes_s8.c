#include "aot_planes_s8.h"

#include <string.h>

#include "aot_dsp.h"
#include "aot_fill_s8.h"

/* As many fours of pixels as there are, one at least: a word of each has four channels, a word that
 * is stored four pixels of one. In one piece, as SEL goes by flags that GCC knows nothing of: it
 * takes bytes 0 and 2 from its first operand, the others from its second.
 */
#define TRANSPOSE_FOURS(x, step, to, second, bytes, left)                                          \
    do {                                                                                           \
        int32_t p0, p1, p2, p3, other;                                                             \
        __asm__ volatile(                                                                          \
            "uadd8 %[other], %[mask], %[mask]\n"                                                   \
            "1:\n\t"                                                                               \
            "ldr %[p0], [%[x]]\n\tldr %[p1], [%[x], %[step]]\n\t"                                  \
            "add %[x], %[x], %[step], lsl #1\n\t"                                                  \
            "ldr %[p2], [%[x]]\n\tldr %[p3], [%[x], %[step]]\n\t"                                  \
            "add %[x], %[x], %[step], lsl #1\n\t"                                                  \
            "lsr %[other], %[p0], #8\n\tsel %[other], %[other], %[p1]\n\t"                         \
            "lsl %[p1], %[p1], #8\n\tsel %[p0], %[p0], %[p1]\n\t"                                  \
            "lsr %[p1], %[p2], #8\n\tsel %[p1], %[p1], %[p3]\n\t"                                  \
            "lsl %[p3], %[p3], #8\n\tsel %[p2], %[p2], %[p3]\n\t"                                  \
            "pkhtb %[p3], %[p2], %[p0], asr #16\n\t"                                               \
            "str %[p3], [%[to], %[bytes], lsl #1]\n\t"                                             \
            "pkhbt %[p0], %[p0], %[p2], lsl #16\n\tstr %[p0], [%[to]], #4\n\t"                     \
            "pkhtb %[p3], %[p1], %[other], asr #16\n\t"                                            \
            "str %[p3], [%[second], %[bytes], lsl #1]\n\t"                                         \
            "pkhbt %[other], %[other], %[p1], lsl #16\n\tstr %[other], [%[second]], #4\n\t"        \
            "subs %[left], %[left], #4\n\tbge 1b"                                                  \
            : [x] "+r"(x), [to] "+r"(to), [second] "+r"(second), [left] "+r"(left),                \
              [p0] "=&r"(p0), [p1] "=&r"(p1), [p2] "=&r"(p2), [p3] "=&r"(p3),                      \
              [other] "=&r"(other)                                                                 \
            : [step] "r"(step), [bytes] "r"(bytes), [mask] "r"(0x00FF00FF)                         \
            : "cc", "memory");                                                                     \
    } while (0)

/* Copies four channels to where the border leaves them room. */
AOT_APART void gather_planes(const aot_depthwise_t *layer, const int8_t *input, int8_t *planes,
                             int32_t bytes)
{
    int32_t step = layer->input_step.along, line = layer->plane.along;

    planes += layer->pad.across * line + layer->pad.along;
    for (int32_t lines = layer->input.across; lines > 0; lines--) {
        const int8_t *x = input;
        int8_t *to = planes, *second = planes + bytes;
        int32_t left = layer->input.along - 4;
        if (left >= 0) {
            TRANSPOSE_FOURS(x, step, to, second, bytes, left);
        }
        for (; left > -4; left--) {
            int32_t word;
            memcpy(&word, x, sizeof word);
            to[2 * bytes] = (int8_t)(word >> 16);
            *to++ = (int8_t)word;
            second[2 * bytes] = (int8_t)(word >> 24);
            *second++ = (int8_t)(word >> 8);
            x += step;
        }
        planes += line;
        input += layer->input_step.across;
    }
}

void aot_for_four_planes_s8(const aot_depthwise_t *layer, aot_filter_t *filter,
                            const int8_t *input, int8_t *output, int8_t *scratch, int32_t bytes)
{
    const int32_t *requant = layer->requant;
    const int8_t *w = layer->weights, *shift = layer->shift;
    int32_t channels = layer->input_channels;
    uint32_t border = UINT32_C(0x01010101) * (uint8_t)layer->input_zero_point;

    for (int32_t at = 0; at < 4 * bytes; at += 4) {
        aot_store_word(scratch + at, border);
    }
    for (int32_t c = 0; c < channels;) {
        /* The last four may have been in part among those before, whose input may be lost. */
        int32_t first = aot_smaller(c, channels - 4);
        const int8_t *plane = scratch + (c - first) * bytes;
        gather_planes(layer, input + first, scratch, bytes);
        for (; c < first + 4; c++) {
            filter(layer, requant, *shift++, w, plane, output++);
            requant += 2;
            w += layer->channel_bytes;
            plane += bytes;
        }
    }
}
