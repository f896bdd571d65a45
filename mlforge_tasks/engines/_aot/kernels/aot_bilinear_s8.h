/* RESIZE_BILINEAR over NHWC int8. */
#ifndef AOT_BILINEAR_S8_H
#define AOT_BILINEAR_S8_H

#include "aot_math.h"

/* Where an output row or column lies between two of the input: bytes from the input's start to the
 * first, from there to the second, and how far it is to that one, in units of 1/1024.
 */
typedef struct {
    int32_t first, second, share;
} aot_between_t;

typedef struct {
    const aot_between_t *rows, *columns;
    int32_t height, width, channels;
} aot_bilinear_t;

void aot_bilinear_s8(const aot_bilinear_t *layer, const int8_t *input, int8_t *output);

#endif
