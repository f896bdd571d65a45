/* The model's data for engine `tflm`, and its working memory. From the platform, in model_arena.h:
 * MODEL_ARENA_BYTES, and MODEL_ARENA_SEARCH in an image that is built only to find out how much the
 * model needs. */
#include <stddef.h>

#include "model.h"
#include "model_arena.h"
#include "model_data.h"

#ifdef MODEL_COMPILED
#include "model_compiled.h"
#define g_model g_model_compiled
#endif

int model_start(const void *model, uint8_t *tensor_arena, size_t arena_size);

static uint8_t tensor_arena[MODEL_ARENA_BYTES] __attribute__((aligned(16)));

#ifndef MODEL_ARENA_SEARCH

int model_init(void)
{
    return model_start(g_model, tensor_arena, sizeof tensor_arena);
}

#else

#include <string.h>

#include "hal.h"

#define FNV_OFFSET 2166136261u
#define FNV_PRIME 16777619u

static void say(const char *text)
{
    while (*text) {
        hal_put((uint8_t)*text++);
    }
}

static void say_number(uint32_t value)
{
    char digits[11];
    char *digit = &digits[sizeof digits - 1];
    *digit = 0;
    do {
        *--digit = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    say(digit);
}

static size_t asked_bytes(void)
{
    size_t bytes = 0;
    for (uint8_t digit = hal_get(); digit != '\n'; digit = hal_get()) {
        bytes = bytes * 10 + (size_t)(digit - '0');
    }
    return bytes;
}

/* One inference on a fixed input, told by a hash: TFLM's kernels do not all notice that they got no
 * memory, so that a model starts does not yet say that it works. */
static uint32_t output_hash(void)
{
#ifdef MODEL_COMPILED
    return 1; /* no emulator has the accelerator, which would be waited for */
#else
    uint32_t hash = FNV_OFFSET;
    int8_t *input = model_input();
    for (size_t i = 0; i < MODEL_INPUT_BYTES; i++) {
        input[i] = (int8_t)(uint8_t)(i * 7);
    }
    int status = model_invoke();
    for (size_t i = 0; i < MODEL_OUTPUT_BYTES; i++) {
        hash = (hash ^ (uint8_t)model_output()[i]) * FNV_PRIME;
    }
    return status == 0 ? hash : 0;
#endif
}

/* Tries the arena sizes that the host asks for, each in memory as it is after a boot. */
int model_init(void)
{
    for (;;) {
        size_t bytes = asked_bytes();
        memset(tensor_arena, 0, sizeof tensor_arena);
        if (model_start(g_model, tensor_arena, bytes) != 0) {
            say("arena no\n");
            continue;
        }
        uint32_t hash = output_hash();
        say("arena uses ");
        say_number(model_arena_bytes());
        say(" output ");
        say_number(hash);
        say("\n");
    }
}

#endif
