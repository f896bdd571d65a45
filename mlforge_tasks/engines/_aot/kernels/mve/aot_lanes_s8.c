#include "aot_lanes_s8.h"

#include "aot_mve.h"

/* Bytes of a column in the ring; channels of a block. */
#define COLUMN 16
#define BLOCK 8

/* Volatile as in aot_mve.h: GCC would keep what is to be added for later, in memory. */
#define ADD(sum, vector) __asm__ volatile("vadd.i16 %q0, %q0, %q1" : "+w"(sum) : "w"(vector))
#define ADD_EIGHTH(sum, vector)                                                                    \
    __asm__ volatile("vqdmlah.s16 %q0, %q1, %2" : "+w"(sum) : "w"(vector), "r"(1 << 12))

/* Eight bytes as 16-bit lanes. */
#define LOAD(vector, from, offset)                                                                 \
    __asm__ volatile("vldrb.s16 %q0, [%1, %2]" : "=w"(vector) : "l"(from), "i"(offset))

/* A sum of products in two parts of 16 bits: the sum modulo 2^16, and about an eighth of it. */
typedef struct {
    int16x8_t low, eighth;
} sum_t;

/* `pair` is a sum of two products, which is below 2^15 as weights are not -128. */
AOT_INLINE sum_t first_pair(int16x8_t pair)
{
    sum_t sum = {pair, vshrq_n_s16(pair, 3)};
    return sum;
}

AOT_INLINE void add_pair(sum_t *sum, int16x8_t pair)
{
    ADD(sum->low, pair);
    ADD_EIGHTH(sum->eighth, pair);
}

/* The 32-bit sums of even and of odd channels. The eighth lacks one product at most and what was
 * rounded, times eight less than 2^15, so it tells the upper half.
 */
AOT_INLINE void join(sum_t sum, int32x4_t *even, int32x4_t *odd)
{
    uint16x8_t low = vreinterpretq_u16_s16(sum.low);
    int16x8_t rest = vhsubq_s16(sum.eighth, vreinterpretq_s16_u16(vshrq_n_u16(low, 3)));
    int16x8_t upper = vrshrq_n_s16(rest, 12);
    uint32x4_t upper_odd = vreinterpretq_u32_s16(upper);
    *odd = vreinterpretq_s32_u32(vsriq_n_u32(upper_odd, vreinterpretq_u32_u16(low), 16));
    *even = vreinterpretq_s32_s16(vmovntq_s32(sum.low, vreinterpretq_s32_s16(upper)));
}

/* Adds the bias and scales; without a zero point. */
AOT_INLINE int32x4_t scaled(int32x4_t acc, int32x4_t bias, int32x4_t multiplier, int32x4_t shift)
{
    acc = vaddq_s32(acc, bias);
    int32x4_t sign = vshrq_n_s32(acc, 31);
    return vrshlq_s32(vaddq_s32(vqrdmulhq_s32(acc, multiplier), sign), shift);
}

/* What the windows of a block of channels have in common. */
typedef struct {
    const int8_t *weights;
    const int32_t *requant;
    const int8_t *shift;
    int32_t zero_point;
    mve_pred16_t lanes;
} block_t;

AOT_INLINE block_t block_of(const aot_lanes_t *layer, int32_t channel)
{
    block_t block = {
        layer->weights + channel / BLOCK * layer->block_bytes,
        layer->requant + 2 * channel,
        layer->shift + channel,
        layer->output_zero_point,
        vctp16q((uint32_t)(layer->channels - channel)),
    };
    return block;
}

/* The outputs of two windows, from the sums of even and odd channels. */
AOT_INLINE void finish(const block_t *block, const int32x4_t *a, const int32x4_t *b, int8_t *to_a,
                       int8_t *to_b)
{
    int32x4_t bias = vldrwq_s32(block->requant), multiplier = vldrwq_s32(block->requant + 8);
    int32x4_t shift = vldrbq_s32(block->shift);
    int32x4_t even_a = scaled(a[0], bias, multiplier, shift);
    int32x4_t even_b = scaled(b[0], bias, multiplier, shift);
    bias = vldrwq_s32(block->requant + 4);
    multiplier = vldrwq_s32(block->requant + 12);
    shift = vldrbq_s32(block->shift + 4);
    int32x4_t odd_a = scaled(a[1], bias, multiplier, shift);
    int32x4_t odd_b = scaled(b[1], bias, multiplier, shift);
    vstrbq_p_s16(to_a, aot_narrow(even_a, odd_a, block->zero_point), block->lanes);
    vstrbq_p_s16(to_b, aot_narrow(even_b, odd_b, block->zero_point), block->lanes);
}

/* A tap of two windows; near ones are a column apart, so that the second's value is the next tap's of
 * the first.
 */
#define TAP(tap, row, column, USE)                                                                 \
    LOAD(w, block->weights, BLOCK *(tap));                                                         \
    if (!near || (column) == 0) {                                                                  \
        LOAD(x, row, COLUMN *(column));                                                            \
    }                                                                                              \
    USE(a, pair_a);                                                                                \
    if (near) {                                                                                    \
        LOAD(x, row, COLUMN *((column) + 1));                                                      \
    } else {                                                                                       \
        LOAD(x, (row) + step, COLUMN *(column));                                                   \
    }                                                                                              \
    USE(b, pair_b)
#define FIRST(sum, pair) pair = vmulq_s16(x, w)
#define FIRST_TWO(sum, pair) sum = first_pair(vaddq_s16(pair, vmulq_s16(x, w)))
#define SECOND(sum, pair) add_pair(&(sum), vaddq_s16(pair, vmulq_s16(x, w)))
#define SINGLE(sum, pair) ADD((sum).low, vmulq_s16(x, w))

/* All 3x3 windows of a row, two at a time; the last two may overlap those before. */
AOT_INLINE void nine(const aot_lanes_t *layer, const block_t *block, const int8_t *const *taps,
                     int32_t from, int8_t *output, int near)
{
    const int8_t *r0 = taps[0] + from, *r1 = taps[1] + from, *r2 = taps[2] + from;
    int32_t step = near ? COLUMN : layer->window_step.along;
    int32_t output_step = layer->output_step.along;
    int32_t left = layer->output.along;

    while (left > 0) {
        sum_t a, b;
        int16x8_t x, w, pair_a, pair_b;
        int32x4_t sums_a[2], sums_b[2];
        TAP(0, r0, 0, FIRST);
        TAP(1, r0, 1, FIRST_TWO);
        TAP(2, r0, 2, FIRST);
        TAP(3, r1, 0, SECOND);
        TAP(4, r1, 1, FIRST);
        TAP(5, r1, 2, SECOND);
        TAP(6, r2, 0, FIRST);
        TAP(7, r2, 1, SECOND);
        TAP(8, r2, 2, SINGLE);
        join(a, &sums_a[0], &sums_a[1]);
        join(b, &sums_b[0], &sums_b[1]);
        finish(block, sums_a, sums_b, output, output + output_step);
        left -= 2;
        int32_t columns = left == 1 ? 1 : 2;
        r0 += columns * step;
        r1 += columns * step;
        r2 += columns * step;
        output += columns * output_step;
        left += left == 1;
    }
}

#define NEXT_TAP(USE)                                                                              \
    {                                                                                              \
        const int8_t *at = *tap++ + from;                                                          \
        LOAD(w, weights, 0);                                                                       \
        weights += BLOCK;                                                                          \
        LOAD(x, at, 0);                                                                            \
        USE(a, pair_a);                                                                            \
        at += step;                                                                                \
        LOAD(x, at, 0);                                                                            \
        USE(b, pair_b);                                                                            \
    }

/* All windows of a row likewise, of any taps: sixteen at most whose sum may be off by one. */
AOT_INLINE void any(const aot_lanes_t *layer, const block_t *block, const int8_t *const *taps,
                    int32_t from, int8_t *output, int near)
{
    int32_t step = layer->window_step.along, output_step = layer->output_step.along;
    int32_t left = layer->output.along;
    (void)near;

    while (left > 0) {
        int32x4_t sums_a[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
        int32x4_t sums_b[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
        const int8_t *const *tap = taps;
        const int8_t *weights = block->weights;
        for (int32_t more = layer->kernel.across * layer->kernel.along; more > 0;) {
            sum_t a = {vdupq_n_s16(0), vdupq_n_s16(0)}, b = a;
            int16x8_t x, w, pair_a, pair_b;
            int32x4_t even, odd;
            int32_t some = more < 16 ? more : 16;
            more -= some;
            for (; some > 1; some -= 2) {
                NEXT_TAP(FIRST);
                NEXT_TAP(SECOND);
            }
            if (some > 0) {
                NEXT_TAP(SINGLE);
            }
            join(a, &even, &odd);
            sums_a[0] = vaddq_s32(sums_a[0], even);
            sums_a[1] = vaddq_s32(sums_a[1], odd);
            join(b, &even, &odd);
            sums_b[0] = vaddq_s32(sums_b[0], even);
            sums_b[1] = vaddq_s32(sums_b[1], odd);
        }
        finish(block, sums_a, sums_b, output, output + output_step);
        left -= 2;
        int32_t columns = left == 1 ? 1 : 2;
        from += columns * step;
        output += columns * output_step;
        left += left == 1;
    }
}

/* A band of rows of up to sixteen channels from the given one. `taps` are those of the first window
 * of the first row.
 */
typedef void filter_t(const aot_lanes_t *layer, const int8_t *const *taps, int32_t channel,
                      int8_t *output);

#define FILTER(kind, windows, near)                                                                \
    AOT_APART void filter_##kind(const aot_lanes_t *layer, const int8_t *const *taps,              \
                                 int32_t channel, int8_t *output)                                  \
    {                                                                                              \
        int32_t row_step = layer->window_step.across * layer->row_bytes;                           \
        AOT_MEMORY_WRITTEN;                                                                        \
        for (int32_t start = 0; start < COLUMN && channel + start < layer->channels;               \
             start += BLOCK) {                                                                     \
            block_t block = block_of(layer, channel + start);                                      \
            for (int32_t row = 0; row < layer->band; row++) {                                      \
                windows(layer, &block, taps, start + row * row_step,                               \
                        output + start + row * layer->output_step.across, near);                   \
            }                                                                                      \
        }                                                                                          \
    }
FILTER(near, nine, 1)
FILTER(apart, nine, 0)
FILTER(any, any, 0)

/* Copies a row of up to sixteen channels into the ring. One outside the input is all zero points, as
 * the whole ring is at first.
 */
static void load_row(const aot_lanes_t *layer, const int8_t *input, int32_t line, int8_t *row,
                     int32_t channels)
{
    if (line >= 0 && line < layer->input.across) {
        input += line * layer->input_step.across;
        row += layer->pad.along * COLUMN;
        __asm__ volatile("vctp.8 %[channels]\n\t"
                         "wls lr, %[columns], 2f\n"
                         "1:\n\t"
                         "vpst\n\t"
                         "vldrbt.8 q0, [%[from]]\n\t"
                         "add %[from], %[step]\n\t"
                         "vstrb.8 q0, [%[to]], #16\n\t"
                         "le lr, 1b\n"
                         "2:"
                         : [from] "+r"(input), [to] "+r"(row)
                         : [channels] "r"(channels), [columns] "r"(layer->input.along),
                           [step] "r"(layer->input_step.along)
                         : "q0", "lr", "p0", "memory");
    } else if (layer->band < layer->output.across) {
        aot_fill_vectors(row, layer->input_zero_point, layer->row_bytes);
    }
}

static void make_table(const aot_lanes_t *layer, const int8_t *ring, int32_t top,
                       const int8_t **taps)
{
    for (int32_t i = layer->kernel.across; i > 0; i--) {
        const int8_t *tap = ring + top % layer->rows * layer->row_bytes;
        for (int32_t j = layer->kernel.along; j > 0; j--) {
            *taps++ = tap;
            tap += layer->dilation.along;
        }
        top += layer->dilation.across;
    }
}

static void depthwise(const aot_lanes_t *layer, filter_t *filter, const int8_t *input,
                      int8_t *output, int8_t *scratch, int32_t table)
{
    const int8_t **taps = (const int8_t **)(void *)(scratch + table);

    aot_fill_vectors(scratch, layer->input_zero_point, table);
    for (int32_t channel = 0; channel < layer->channels; channel += COLUMN) {
        int8_t *to = output + channel;
        int32_t loaded = 0;
        for (int32_t oy = 0; oy < layer->output.across; oy += layer->band) {
            int32_t top = oy * layer->window_step.across;
            for (loaded = loaded < top ? top : loaded; loaded < top + layer->rows; loaded++) {
                load_row(layer, input + channel, loaded - layer->pad.across,
                         scratch + loaded % layer->rows * layer->row_bytes,
                         layer->channels - channel);
            }
            make_table(layer, scratch, top, taps);
            filter(layer, taps, channel, to);
            to += layer->output_step.across;
        }
    }
}

void aot_lanes_s8(const aot_lanes_t *layer, const int8_t *input, int8_t *output, int8_t *scratch,
                  int32_t table)
{
    depthwise(layer, filter_any, input, output, scratch, table);
}

void aot_lanes_3x3_s8(const aot_lanes_t *layer, const int8_t *input, int8_t *output,
                      int8_t *scratch, int32_t table)
{
    depthwise(layer, filter_near, input, output, scratch, table);
}

void aot_lanes_3x3_apart_s8(const aot_lanes_t *layer, const int8_t *input, int8_t *output,
                            int8_t *scratch, int32_t table)
{
    depthwise(layer, filter_apart, input, output, scratch, table);
}
