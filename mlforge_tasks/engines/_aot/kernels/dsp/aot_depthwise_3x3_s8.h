/* Depthwise 3x3 kernels with stride 1 along the plane's lines, which are at least two outputs long,
 * where every channel has the fast form; for cores with the DSP extension.
 *
 * weights: as those of the others, and a byte behind the last, which is read, too.
 */
#ifndef AOT_DEPTHWISE_3X3_S8_H
#define AOT_DEPTHWISE_3X3_S8_H

#include "aot_planes_s8.h"

/* A byte behind the plane is read, too. The second is for an output's zero point of -128. */
aot_filter_t aot_filter_pairs_3x3_s8, aot_filter_pairs_3x3_relu_s8;

#endif
