#include "spread.h"

static uint32_t distance(const struct spread *spread, uint32_t at)
{
    return (uint32_t)spread->values[at + 1].value - (uint32_t)spread->values[at].value;
}

/* The two neighbours that are closest together become one; equal ones are closest of all. */
static void merge(struct spread *spread)
{
    uint32_t best = 0;
    for (uint32_t at = 1; at < SPREAD_VALUES; at++) {
        best = distance(spread, at) < distance(spread, best) ? at : best;
    }
    spread->values[best + 1].count += spread->values[best].count;
    for (; best < SPREAD_VALUES; best++) {
        spread->values[best] = spread->values[best + 1];
    }
    spread->used = SPREAD_VALUES;
}

void spread_add(struct spread *spread, int32_t value)
{
    uint32_t at = spread->used++;
    spread->least = value < spread->least ? value : spread->least;
    for (; at > 0 && spread->values[at - 1].value > value; at--) {
        spread->values[at] = spread->values[at - 1];
    }
    spread->values[at].value = value;
    spread->values[at].count = 1;
    if (spread->used > SPREAD_VALUES) {
        merge(spread);
    }
}
