/* Reduces any number of measurements to a handful of values and how often each came.
 *
 * Exact for up to SPREAD_VALUES different ones. Beyond that the two closest together become one,
 * the larger of them, so that no quantile is ever told too small.
 */
#ifndef MLFORGE_SPREAD_H
#define MLFORGE_SPREAD_H

#include <stdint.h>

#define SPREAD_VALUES 7

struct spread {
    int32_t least; /* the smallest one, whatever became one with it; up to 0 */
    uint32_t used;
    struct {
        int32_t value;
        uint32_t count;
    } values[SPREAD_VALUES + 1]; /* ascending, equal ones possible; one more until it is merged */
};

/* Zero the struct before the first one, which has to be 0: all are relative to it. */
void spread_add(struct spread *spread, int32_t value);

#endif
