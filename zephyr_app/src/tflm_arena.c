/* The working memory of engine `tflm`. From the platform, in model_arena.h: MODEL_ARENA_BYTES, and
 * MODEL_ARENA_SEARCH in an image that is built only to find out how much the model needs. */
#include <stddef.h>

#include "model.h"
#include "model_arena.h"

#define ARENA_ALIGNMENT 16

int model_start(uint8_t *tensor_arena, size_t arena_size);

static uint8_t tensor_arena[MODEL_ARENA_BYTES] __attribute__((aligned(ARENA_ALIGNMENT)));

#ifdef MODEL_ARENA_SEARCH

#include "hal.h"

/* The smallest arena in which the model starts, 0 where all there is does not do. Planning needs
 * room of its own, so this can be more than what the model uses later. */
static size_t smallest_arena(void)
{
    size_t works = sizeof tensor_arena / ARENA_ALIGNMENT;
    size_t fails = 0;
    if (model_start(tensor_arena, works * ARENA_ALIGNMENT) != 0) {
        return 0;
    }
    while (works - fails > 1) {
        size_t middle = fails + (works - fails) / 2;
        if (model_start(tensor_arena, middle * ARENA_ALIGNMENT) == 0) {
            works = middle;
        } else {
            fails = middle;
        }
    }
    return works * ARENA_ALIGNMENT;
}

int model_init(void)
{
    char digits[10];
    size_t length = 0;
    size_t bytes = smallest_arena();
    for (const char *text = "\narena "; *text; text++) {
        hal_put((uint8_t)*text);
    }
    do {
        digits[length++] = (char)('0' + bytes % 10);
        bytes /= 10;
    } while (bytes);
    while (length) {
        hal_put((uint8_t)digits[--length]);
    }
    hal_put('\n');
    hal_halt();
}

#else

int model_init(void)
{
    return model_start(tensor_arena, sizeof tensor_arena);
}

#endif
