/* The engine `none`: one byte in, the same byte out. */
#include "model.h"

static int8_t value;

int model_init(void)
{
    return 0;
}

int8_t *model_input(void)
{
    return &value;
}

const int8_t *model_output(void)
{
    return &value;
}

int model_invoke(void)
{
    return 0;
}

uint32_t model_arena_bytes(void)
{
    return sizeof value;
}
