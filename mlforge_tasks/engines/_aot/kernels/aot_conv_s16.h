/* CONV_2D and FULLY_CONNECTED on NHWC int16 with int8 weights. */
#ifndef AOT_CONV_S16_H
#define AOT_CONV_S16_H

#include "aot_layer_s16.h"

/* A tap outside of the input adds nothing. A dense layer is a convolution of 1x1 windows. */
void aot_conv_s16(const aot_layer_s16_t *layer, const int16_t *input, int16_t *output);

#endif
