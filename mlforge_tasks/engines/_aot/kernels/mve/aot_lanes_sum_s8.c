#include "aot_lanes_sum_s8.h"

#include "aot_lanes.h"

/* The next tap's eight products. */
#define NEXT(product)                                                                              \
    x = vldrbq_z_s16(from, block.lanes);                                                           \
    from += layer->channels;                                                                       \
    LOAD_NEXT(w, block.weights, BLOCK);                                                            \
    product = vmulq_s16(x, w)

void aot_lanes_sum_s8(const aot_lanes_sum_t *layer, const int8_t *input, int8_t *output)
{
    block_t block = {layer->weights, layer->requant, layer->output_zero_point, 0};

    AOT_MEMORY_WRITTEN;
    for (int32_t left = layer->channels; left > 0; left -= BLOCK) {
        const int8_t *from = input;
        int32x4_t sums[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
        block.lanes = vctp16q((uint32_t)left);
        for (int32_t more = layer->taps; more > 0; more -= MOST_TAPS) {
            sum_t sum = {vdupq_n_s16(0), vdupq_n_s16(0)};
            int32_t some = aot_smaller(more, MOST_TAPS);
            int16x8_t x, w, first, second;
            /* No test of what a loop by two leaves over: GCC 12 takes the flags of its own counter for
             * it, and adds a tap too many.
             */
            for (int32_t two = some >> 1; two > 0; two--) {
                NEXT(first);
                NEXT(second);
                add_pair(&sum, vaddq_s16(first, second));
            }
            if (some & 1) {
                NEXT(first);
                add_pair(&sum, first);
            }
            add_joined(sum, sums);
        }
        finish(&block, sums, sums, output, output, 0);
        block.requant += REQUANT;
        input += BLOCK;
        output += BLOCK;
    }
}
