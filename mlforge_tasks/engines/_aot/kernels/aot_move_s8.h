/* Rows that several stripes read move up, where those lay that no stripe reads any more. */
#ifndef AOT_MOVE_S8_H
#define AOT_MOVE_S8_H

#include <stdint.h>

/* to: below from; both may overlap. */
void aot_move_s8(int32_t bytes, const int8_t *from, int8_t *to);

#endif
