/* Layers whose second channels' sums may leave 24 bits: of many taps, or of a large bias. */
#ifndef AOT_DOT_LONG_S8_H
#define AOT_DOT_LONG_S8_H

#include "aot_conv_s8.h"

/* As aot_dot_four_s8. */
void aot_dot_four_long_s8(const aot_dot_t *dot, const int8_t *packed, int8_t *y);

#endif
