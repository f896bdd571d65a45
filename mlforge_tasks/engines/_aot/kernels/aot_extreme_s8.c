#include "aot_small.h"

#include "aot_each_pair_s8.h"
#include "aot_extreme_s8.h"

static int8_t extreme(const void *of, int32_t a, int32_t b)
{
    const aot_extreme_t *layer = of;

    return (int8_t)(layer->sign * (a - b) > 0 ? a : b);
}

void aot_extreme_s8(const aot_extreme_t *layer, const int8_t *x0, const int8_t *x1, int8_t *output)
{
    aot_each_pair_s8(&layer->broadcast, x0, x1, output, extreme, layer);
}
