/* Planes of one channel. */
#ifndef AOT_EXTENT_H
#define AOT_EXTENT_H

#include <stdint.h>

/* Extents across lines and along a line. */
typedef struct {
    int32_t across, along;
} aot_extent_t;

#endif
