/* DEPTHWISE_CONV_2D on NHWC int16 with int8 weights. */
#ifndef AOT_DEPTHWISE_S16_H
#define AOT_DEPTHWISE_S16_H

#include "aot_layer_s16.h"

/* A tap outside of the input adds nothing. */
void aot_depthwise_s16(const aot_layer_s16_t *layer, const int16_t *input, int16_t *output);

#endif
