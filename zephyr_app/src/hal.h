/* What a platform provides to the application. It is ready before main() is called. */
#ifndef MLFORGE_HAL_H
#define MLFORGE_HAL_H

#include <stdbool.h>
#include <stdint.h>

/* One byte to or from the host; both wait until it is done. */
void hal_put(uint8_t byte);
uint8_t hal_get(void);

/* A clock that only goes up and does not wrap in the life of a device. */
uint64_t hal_ticks(void);
uint32_t hal_tick_hz(void);

/* On Linux (MLFORGE_LINUX): the most that was ever resident; 0 where that is not known. */
uint64_t hal_peak_memory_bytes(void);

/* Ends the program with a fault message if it is not called again within so many seconds of
 * device time; 0 disarms it. */
void hal_watchdog(uint32_t seconds);

/* Marks the unused part of every stack; afterwards shows each with the most that was ever used of
 * it, with room for one interrupt at the deepest point. */
typedef void (*hal_stack_shower)(const char *name, uint32_t used, uint32_t size);
void hal_stack_paint(void);
void hal_stacks(hal_stack_shower show);

#ifdef MLFORGE_MARKER
/* The pin that tells a meter when the model runs; low from the start. */
void hal_marker(bool high);

/* Waits as a device waits between inferences: the core sleeps. */
void hal_idle(uint32_t ticks);
#endif

#ifdef MLFORGE_SCHEDULER
/* A thread above main(), or an interrupt: it wakes up every SCHEDULER_PERIOD_US, calls
 * scheduler_woken() and through that hal_periodic_work(), which takes SCHEDULER_BUSY_US. */
void hal_periodic_start(void);
void hal_periodic_stop(void);
void hal_periodic_work(void);
uint32_t hal_periodic_hz(void);    /* of the clock that its wake-ups are told by */
uint32_t hal_periodic_ticks(void); /* its period by that clock */
#endif

/* Stops for good. */
__attribute__((noreturn)) void hal_halt(void);

#endif
