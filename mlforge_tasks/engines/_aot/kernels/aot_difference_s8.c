#include "aot_small.h"

#include "aot_difference_s8.h"
#include "aot_each_pair_s8.h"

static int8_t squared_difference(const void *of, int32_t a, int32_t b)
{
    const aot_difference_t *layer = of;
    int32_t difference = aot_common(a, &layer->operand0) - aot_common(b, &layer->operand1);

    return aot_finish(difference * difference, layer->output.multiplier, layer->output.shift,
                      layer->output_zero_point);
}

void aot_difference_s8(const aot_difference_t *layer, const int8_t *x0, const int8_t *x1,
                       int8_t *output)
{
    aot_each_pair_s8(&layer->broadcast, x0, x1, output, squared_difference, layer);
}
