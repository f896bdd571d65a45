/* aot_dot_s8 on some windows at a time, so that what it makes of them may overwrite others. */
#ifndef AOT_DOT_CHUNKS_S8_H
#define AOT_DOT_CHUNKS_S8_H

#include "aot_dot_s8.h"

/* chunk  at most so many windows, `pitch` bytes apart, are read before what they make is written
 *
 * y may lie before x, which is read from the front then, or behind it, and is read from the back; in
 * both cases so far that no chunk's outputs reach its own windows or those of a later one.
 */
void aot_dot_chunks_s8(const aot_dot_t *dot, const int8_t *x, int32_t pitch, int32_t windows,
                       int32_t chunk, int8_t *y);

#endif
