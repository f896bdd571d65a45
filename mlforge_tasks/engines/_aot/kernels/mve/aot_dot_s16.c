#include "aot_dot_s16.h"

#include "aot_mve.h"

#define LANES 8

void aot_dot_four_s16(const int16_t *x, const int8_t *weights, int32_t step, int32_t taps,
                      int64_t sums[AOT_DOT_CHANNELS_S16])
{
    const int8_t *w0 = weights, *w1 = w0 + step, *w2 = w1 + step, *w3 = w2 + step;
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;

    for (; taps > 0; taps -= LANES) {
        mve_pred16_t lanes = vctp16q((uint32_t)taps);
        int16x8_t values = vldrhq_z_s16(x, lanes);
        a0 = vmladavaq_s16(a0, values, vldrbq_z_s16(w0, lanes));
        a1 = vmladavaq_s16(a1, values, vldrbq_z_s16(w1, lanes));
        a2 = vmladavaq_s16(a2, values, vldrbq_z_s16(w2, lanes));
        a3 = vmladavaq_s16(a3, values, vldrbq_z_s16(w3, lanes));
        x += LANES;
        w0 += LANES;
        w1 += LANES;
        w2 += LANES;
        w3 += LANES;
    }
    sums[0] += a0;
    sums[1] += a1;
    sums[2] += a2;
    sums[3] += a3;
}

void aot_dot_one_s16(const int16_t *x, const int8_t *weights, int32_t taps, int64_t *sum)
{
    int32_t a0 = 0;

    for (; taps > 0; taps -= LANES) {
        mve_pred16_t lanes = vctp16q((uint32_t)taps);
        a0 = vmladavaq_s16(a0, vldrhq_z_s16(x, lanes), vldrbq_z_s16(weights, lanes));
        x += LANES;
        weights += LANES;
    }
    *sum += a0;
}
