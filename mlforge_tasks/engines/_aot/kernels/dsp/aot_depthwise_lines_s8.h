/* Depthwise kernels of up to eight lines, three or five taps long, with stride 1 along the plane's
 * lines, which are at least four outputs long, where every channel has the fast form; for cores with
 * the DSP extension.
 *
 * weights: as those of the others, lines filled up with zeros to three or five taps.
 */
#ifndef AOT_DEPTHWISE_LINES_S8_H
#define AOT_DEPTHWISE_LINES_S8_H

#include "aot_planes_s8.h"

#define AOT_MOST_LINES 8

/* A byte behind the plane is read, too. The latter are for an output's zero point of -128. */
aot_filter_t aot_filter_fours_3_s8, aot_filter_fours_5_s8;
aot_filter_t aot_filter_fours_3_relu_s8, aot_filter_fours_5_relu_s8;

#endif
