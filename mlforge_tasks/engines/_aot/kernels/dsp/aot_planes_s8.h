/* DEPTHWISE_CONV_2D of at least four channels, copied into planes four at a time, for cores with the
 * DSP extension; what filters a plane is as for aot_for_each_plane_s8.
 */
#ifndef AOT_PLANES_S8_H
#define AOT_PLANES_S8_H

#include "aot_plane_s8.h"

/* scratch: four planes of `bytes` each, those that a filter reads behind a plane included. Output may
 * be input where it may for aot_for_each_plane_s8.
 */
void aot_for_four_planes_s8(const aot_depthwise_t *layer, aot_filter_t *filter,
                            const int8_t *input, int8_t *output, int8_t *scratch, int32_t bytes);

#endif
