#include "aot_move_s8.h"

#include <string.h>

void aot_move_s8(int32_t bytes, const int8_t *from, int8_t *to)
{
    for (; bytes >= 8; bytes -= 8) {
        int32_t first, second;
        memcpy(&first, from, 4);
        memcpy(&second, from + 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + 4, &second, 4);
        from += 8;
        to += 8;
    }
    for (; bytes > 0; bytes--) {
        *to++ = *from++;
    }
}
