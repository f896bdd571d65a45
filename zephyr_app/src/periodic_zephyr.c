/* The periodic thread of hal.h on Zephyr: a kernel timer wakes a cooperative thread above main(). */
#ifdef MLFORGE_SCHEDULER

#include <zephyr/kernel.h>

#include "hal.h"
#include "scheduler.h"

#define STACK_BYTES 1024
#define CYCLES_PER_TICK                                                                            \
    ((uint32_t)sys_clock_hw_cycles_per_sec() / (uint32_t)CONFIG_SYS_CLOCK_TICKS_PER_SEC)
#define PERIOD_TICKS ((uint32_t)k_us_to_ticks_ceil64(SCHEDULER_PERIOD_US))

static K_THREAD_STACK_DEFINE(stack, STACK_BYTES);
static struct k_thread thread;
static struct k_timer timer;
static uint64_t first; /* cycle at which the kernel's ticks began */
static volatile uint64_t due;
static volatile uint32_t entry;

static uint64_t cycles(void)
{
#ifdef CONFIG_TIMER_HAS_64BIT_CYCLE_COUNTER
    return k_cycle_get_64();
#else
    return k_cycle_get_32();
#endif
}

/* Within it uptime is the tick that was due, however late it comes. */
static void on_timer(struct k_timer *expired)
{
    uint64_t now = cycles();
    ARG_UNUSED(expired);
    due = first + (uint64_t)k_uptime_ticks() * CYCLES_PER_TICK;
    entry = (uint32_t)now - (uint32_t)due;
}

static void run(void *unused, void *nothing, void *none)
{
    ARG_UNUSED(unused);
    ARG_UNUSED(nothing);
    ARG_UNUSED(none);
    for (;;) {
        uint32_t expired = k_timer_status_sync(&timer);
        uint32_t late = (uint32_t)cycles() - (uint32_t)due;
        scheduler_woken(entry, late + (expired - 1u) * hal_periodic_ticks());
    }
}

void hal_periodic_start(void)
{
    uint64_t ticks, now;
    do { /* until no tick begins between the two readings */
        ticks = (uint64_t)k_uptime_ticks();
        now = cycles();
    } while ((uint64_t)k_uptime_ticks() != ticks);
    /* A driver's ticks begin at a whole one of its own cycles. */
    first = (now - ticks * CYCLES_PER_TICK) / CYCLES_PER_TICK * CYCLES_PER_TICK;
    k_timer_init(&timer, on_timer, NULL);
    k_timer_start(&timer, K_TICKS(PERIOD_TICKS), K_TICKS(PERIOD_TICKS));
    (void)k_thread_create(&thread, stack, K_THREAD_STACK_SIZEOF(stack), run, NULL, NULL, NULL,
                          K_PRIO_COOP(0), 0, K_NO_WAIT);
}

void hal_periodic_stop(void)
{
    k_thread_abort(&thread); /* first: a timer that stops wakes whoever waits for it */
    k_timer_stop(&timer);
}

void hal_periodic_work(void)
{
    if (SCHEDULER_BUSY_US) {
        k_busy_wait(SCHEDULER_BUSY_US);
    }
}

uint32_t hal_periodic_hz(void)
{
    return (uint32_t)sys_clock_hw_cycles_per_sec();
}

uint32_t hal_periodic_ticks(void)
{
    return PERIOD_TICKS * CYCLES_PER_TICK;
}

#endif
