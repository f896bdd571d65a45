/* DEPTHWISE_CONV_2D with a 3x3 kernel and stride 1 along the plane's lines, which are at least two
 * outputs long, where every channel has the fast form; for cores with the DSP extension.
 *
 * weights: as those of the others, and a byte behind the last, which is read, too.
 */
#ifndef AOT_DEPTHWISE_3X3_S8_H
#define AOT_DEPTHWISE_3X3_S8_H

#include "aot_plane_s8.h"

/* As aot_depthwise_s8; a byte behind the plane is read, too. */
void aot_depthwise_3x3_s8(const aot_depthwise_t *layer, const int8_t *input, int8_t *output,
                          int8_t *scratch);

#endif
