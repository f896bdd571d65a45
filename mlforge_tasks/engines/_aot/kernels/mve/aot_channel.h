/* Constants of an output channel. */
#ifndef AOT_CHANNEL_H
#define AOT_CHANNEL_H

#include "aot_math.h"

/* How one output channel's accumulator becomes an int8: aot_requant_t with its constant that rounds
 * and adds the zero point, which is of use in the fast form only.
 */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t centre;
    int32_t shift;
} aot_channel_t;

#endif
