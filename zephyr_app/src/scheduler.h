/* What an inference does to a periodic thread above it, and the thread to the inference: only in an
 * image of its own (MLFORGE_SCHEDULER), so that the one that is measured and delivered is the same
 * with and without it. On bare metal the thread is an interrupt.
 *
 * From the platform or the board: SCHEDULER_PERIOD_US, SCHEDULER_BUSY_US. */
#ifndef MLFORGE_SCHEDULER_H
#define MLFORGE_SCHEDULER_H

#include <stdint.h>

/* Lets the thread run beside nothing, and beside inferences that follow each other at once. What
 * `invoke` returns but 0 ends it. */
int scheduler_test(int (*invoke)(void));

/* Sends what was found, as fields of a frame. */
void scheduler_show(void);

/* Called by the platform when the thread has woken up: by the clock of hal_periodic_hz, how long
 * after its due time the timer's interrupt ran, and how long after it the thread did. */
void scheduler_woken(uint32_t entry, uint32_t late);

#endif
