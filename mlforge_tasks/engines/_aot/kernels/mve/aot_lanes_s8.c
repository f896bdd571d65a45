#include "aot_lanes_s8.h"

#include "aot_lanes.h"

/* Bytes of a column in the ring. */
#define COLUMN 16

AOT_INLINE block_t block_of(const aot_lanes_t *layer, int32_t channel)
{
    block_t block = {
        layer->weights + channel / BLOCK * layer->block_bytes,
        layer->requant + channel / BLOCK * REQUANT,
        layer->output_zero_point,
        vctp16q((uint32_t)(layer->channels - channel)),
    };
    return block;
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

/* What is added to pointers at the end of a row, to those of windows and of outputs. */
AOT_INLINE int32_t window_skip(const aot_lanes_t *layer)
{
    return layer->window_step.across * layer->row_bytes -
           layer->output.along * layer->window_step.along;
}

AOT_INLINE int32_t output_skip(const aot_lanes_t *layer)
{
    return layer->output_step.across - layer->output.along * layer->output_step.along;
}

/* All 3x3 windows of a band, two at a time; the last two of a row may overlap those before. */
AOT_INLINE void nine(const aot_lanes_t *layer, const block_t *block, const int8_t *const *taps,
                     int32_t start, int8_t *output, int near, int relu)
{
    const int8_t *r0 = taps[0] + start, *r1 = taps[1] + start, *r2 = taps[2] + start;
    int32_t step = near ? COLUMN : layer->window_step.along;
    int32_t output_step = layer->output_step.along;
    int32_t skip = window_skip(layer);

    for (int32_t row = layer->band; row > 0; row--) {
        for (int32_t left = layer->output.along; left > 0;) {
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
            join(a, sums_a);
            join(b, sums_b);
            finish(block, sums_a, sums_b, output, output + output_step, relu);
            left -= 2;
            int32_t columns = left == 1 ? 1 : 2;
            r0 += columns * step;
            r1 += columns * step;
            r2 += columns * step;
            output += columns * output_step;
            left += left == 1;
        }
        r0 += skip;
        r1 += skip;
        r2 += skip;
        output += output_skip(layer);
    }
}

/* Taps of two windows, two at a time: a run of them, the last perhaps alone. */
#define NEXT(from, to)                                                                             \
    LOAD_NEXT(x, from, COLUMN);                                                                    \
    to = vmulq_s16(x, w)
#define NEXT_TWO(from, sum, pair)                                                                  \
    LOAD_NEXT(x, from, COLUMN);                                                                    \
    add_pair(&(sum), vaddq_s16(pair, vmulq_s16(x, w)))

/* Two windows' sums over lines from the `i`th on, as many as may be added; returns the next. */
AOT_INLINE int32_t add_runs(const aot_lanes_t *layer, const int8_t *const *taps, int32_t from,
                            int32_t step, int32_t i, const int8_t **weights_of, sum_t *sum_a, sum_t *sum_b)
{
    int32_t count = layer->kernel.across * layer->kernel.along, run = layer->run;
    const int8_t *weights = *weights_of;
    sum_t a = {vdupq_n_s16(0), vdupq_n_s16(0)}, b = a;

    for (int32_t room = MOST_TAPS; room >= run && i < count; room -= run) {
        const int8_t *from_a = taps[i++] + from, *from_b = from_a + step;
        int16x8_t x, w, pair_a, pair_b;
        for (int32_t two = run >> 1; two > 0; two--) {
            LOAD_NEXT(w, weights, BLOCK);
            NEXT(from_a, pair_a);
            NEXT(from_b, pair_b);
            LOAD_NEXT(w, weights, BLOCK);
            NEXT_TWO(from_a, a, pair_a);
            NEXT_TWO(from_b, b, pair_b);
        }
        if (run & 1) {
            LOAD_NEXT(w, weights, BLOCK);
            NEXT(from_a, pair_a);
            NEXT(from_b, pair_b);
            add_pair(&a, pair_a);
            add_pair(&b, pair_b);
        }
    }
    *weights_of = weights;
    *sum_a = a;
    *sum_b = b;
    return i;
}

/* All windows of a band likewise, of runs of neighbouring taps. */
AOT_INLINE void runs(const aot_lanes_t *layer, const block_t *block, const int8_t *const *taps,
                     int32_t from, int8_t *output)
{
    int32_t step = layer->window_step.along, output_step = layer->output_step.along;
    int32_t count = layer->kernel.across * layer->kernel.along;

    for (int32_t row = layer->band; row > 0; row--) {
        for (int32_t left = layer->output.along; left > 0;) {
            const int8_t *weights = block->weights;
            int32x4_t sums_a[2], sums_b[2];
            sum_t a, b;
            int32_t i = add_runs(layer, taps, from, step, 0, &weights, &a, &b);
            join(a, sums_a);
            join(b, sums_b);
            while (i < count) {
                i = add_runs(layer, taps, from, step, i, &weights, &a, &b);
                add_joined(a, sums_a);
                add_joined(b, sums_b);
            }
            finish(block, sums_a, sums_b, output, output + output_step, 0);
            left -= 2;
            int32_t columns = left == 1 ? 1 : 2;
            from += columns * step;
            output += columns * output_step;
            left += left == 1;
        }
        from += window_skip(layer);
        output += output_skip(layer);
    }
}

/* A band of rows of up to sixteen channels from the given one. `taps` are those of the first window
 * of the first row.
 */
typedef void filter_t(const aot_lanes_t *layer, const int8_t *const *taps, int32_t channel,
                      int8_t *output);

#define FILTER(kind, WINDOWS)                                                                      \
    AOT_APART void filter_##kind(const aot_lanes_t *layer, const int8_t *const *taps,              \
                                 int32_t channel, int8_t *output)                                  \
    {                                                                                              \
        AOT_MEMORY_WRITTEN;                                                                        \
        for (int32_t start = 0; start < COLUMN && channel + start < layer->channels;               \
             start += BLOCK) {                                                                     \
            block_t block = block_of(layer, channel + start);                                      \
            WINDOWS;                                                                               \
        }                                                                                          \
    }
FILTER(near, nine(layer, &block, taps, start, output + start, 1, 0))
FILTER(near_relu, nine(layer, &block, taps, start, output + start, 1, 1))
FILTER(apart, nine(layer, &block, taps, start, output + start, 0, 0))
FILTER(apart_relu, nine(layer, &block, taps, start, output + start, 0, 1))
FILTER(runs, runs(layer, &block, taps, start, output + start))

/* Copies a row of up to sixteen channels into the ring. One outside the input is all zero points, as
 * the whole ring is at first.
 */
AOT_INLINE void load_row(const aot_lanes_t *layer, const int8_t *input, int32_t line, int8_t *row,
                         int32_t channels)
{
    if (line >= 0 && line < layer->input.across) {
        input += line * layer->input_step.across;
        row += layer->pad.along * COLUMN;
#ifdef __clang__ /* has no name for the register of the mask */
        mve_pred16_t some = vctp8q((uint32_t)channels);
        for (int32_t column = layer->input.along; column > 0; column--) {
            vstrbq_s8(row, vldrbq_z_s8(input, some));
            input += layer->input_step.along;
            row += COLUMN;
        }
#else
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
#endif
    } else if (layer->band < layer->output.across) {
        aot_fill_vectors(row, layer->input_zero_point, layer->row_bytes);
    }
}

/* Where the runs of a row's first window lie; its first line is at `tap`. */
AOT_INLINE void make_table(const aot_lanes_t *layer, const int8_t *tap, const int8_t *end,
                           const int8_t **taps)
{
    int32_t ring = layer->rows * layer->row_bytes;

    for (int32_t i = layer->kernel.across; i > 0; i--) {
        const int8_t *run = tap;
        for (int32_t j = layer->kernel.along; j > 0; j--) {
            *taps++ = run;
            run += layer->dilation.along;
        }
        tap += layer->dilation.across * layer->row_bytes;
        if (tap >= end) {
            tap -= ring;
        }
    }
}

static void depthwise(const aot_lanes_t *layer, filter_t *filter, const int8_t *input,
                      int8_t *output, int8_t *scratch, int32_t table)
{
    int8_t *end = scratch + layer->rows * layer->row_bytes;
    const int8_t **taps = (const int8_t **)(void *)(scratch + table);

    aot_fill_vectors(scratch, layer->input_zero_point, table);
    for (int32_t channel = 0; channel < layer->channels; channel += COLUMN) {
        int8_t *to = output + channel, *row = scratch;
        int32_t loaded = 0;
        for (int32_t oy = 0; oy < layer->output.across; oy += layer->band) {
            int32_t top = oy * layer->window_step.across;
            for (; loaded < top + layer->rows; loaded++) {
                load_row(layer, input + channel, loaded - layer->pad.across, row,
                         layer->channels - channel);
                row += layer->row_bytes;
                row = row == end ? scratch : row;
            }
            make_table(layer, row, end, taps); /* the next place is the oldest row's */
            filter(layer, taps, channel, to);
            to += layer->output_step.across;
        }
    }
}

#define LAYER_OF(name, filter)                                                                     \
    void name(const aot_lanes_t *layer, const int8_t *input, int8_t *output, int8_t *scratch,      \
              int32_t table)                                                                       \
    {                                                                                              \
        depthwise(layer, filter, input, output, scratch, table);                                   \
    }
LAYER_OF(aot_lanes_s8, filter_runs)
LAYER_OF(aot_lanes_3x3_s8, filter_near)
LAYER_OF(aot_lanes_3x3_relu_s8, filter_near_relu)
LAYER_OF(aot_lanes_3x3_apart_s8, filter_apart)
LAYER_OF(aot_lanes_3x3_apart_relu_s8, filter_apart_relu)
