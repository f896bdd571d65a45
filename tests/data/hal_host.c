/* hal.h on the build machine, for tests of the application's own code: the line is stdin and stdout,
 * and the clock goes up by one each time it is read. */
#include "hal.h"

#include <stdio.h>
#include <stdlib.h>

void hal_put(uint8_t byte)
{
    putchar(byte);
}

static uint32_t watched;

/* Whoever waits for the host must not be watched: that takes as long as it takes. */
uint8_t hal_get(void)
{
    fflush(stdout);
    if (watched != 0) {
        abort();
    }
    int byte = getchar();
    if (byte == EOF) {
        exit(0);
    }
    return (uint8_t)byte;
}

uint64_t hal_ticks(void)
{
    static uint64_t ticks;
    return ticks++;
}

uint32_t hal_tick_hz(void)
{
    return 1000;
}

void hal_watchdog(uint32_t seconds)
{
    watched = seconds;
}

void hal_stack_paint(void)
{
}

void hal_stacks(hal_stack_shower show)
{
    show("main", 123, 1000);
}

void hal_halt(void)
{
    exit(1);
}
