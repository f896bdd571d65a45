#include "scheduler.h"

#ifdef MLFORGE_SCHEDULER

#include <stdbool.h>

#include "hal.h"
#include "protocol.h"

/* As many wake-ups as half a second has, but neither few nor very many. */
#define WAKEUPS_LEAST 20u
#define WAKEUPS_MOST 500u
#define WAKEUPS_IN_HALF_A_SECOND (500000u / SCHEDULER_PERIOD_US)
#define WAKEUPS                                                                                    \
    (WAKEUPS_IN_HALF_A_SECOND < WAKEUPS_LEAST  ? WAKEUPS_LEAST                                     \
     : WAKEUPS_IN_HALF_A_SECOND > WAKEUPS_MOST ? WAKEUPS_MOST                                      \
                                               : WAKEUPS_IN_HALF_A_SECOND)
/* Many where they are short, for reading the clock is part of what they take together. */
#define INFERENCES_LEAST 5u
#define INFERENCES_MANY 500u
#define MANY_TAKE_LESS_THAN_HZ 1000u

struct wakeups {
    uint32_t count;
    uint32_t least; /* of how late the thread was */
    uint32_t most;
    uint32_t jitter; /* most that the time between two wake-ups differed from the period */
    uint32_t entry_least; /* of how late the interrupt was */
    uint32_t entry_most;
};

struct repeated {
    uint32_t inferences;
    uint64_t ticks;
};

static volatile struct wakeups woken;
static uint32_t before; /* how late the last one was */
static struct wakeups idle, beside;
static struct repeated alone, together;

static uint32_t more(uint32_t one, uint32_t other)
{
    return one > other ? one : other;
}

static uint32_t less(uint32_t one, uint32_t other)
{
    return one < other ? one : other;
}

void scheduler_woken(uint32_t entry, uint32_t late)
{
    if (woken.count) {
        woken.jitter = more(woken.jitter, late > before ? late - before : before - late);
    }
    before = late;
    woken.least = less(woken.least, late);
    woken.most = more(woken.most, late);
    woken.entry_least = less(woken.entry_least, entry);
    woken.entry_most = more(woken.entry_most, entry);
    woken.count++;
    hal_periodic_work();
}

static void start(void)
{
    woken = (struct wakeups){.least = UINT32_MAX, .entry_least = UINT32_MAX};
    hal_periodic_start();
}

static struct wakeups stop(void)
{
    hal_periodic_stop();
    return woken;
}

/* The same code with the thread and without it, so that its time is that of the thread's alone. */
static __attribute__((noinline)) int repeat(int (*invoke)(void), uint32_t inferences,
                                            uint32_t wakeups, struct repeated *found)
{
    int status = 0;
    found->inferences = 0;
    uint64_t begin = hal_ticks();
    do {
        status = invoke();
        found->inferences++;
    } while (status == 0 && (found->inferences < inferences) | (woken.count < wakeups));
    found->ticks = hal_ticks() - begin;
    return status;
}

int scheduler_test(int (*invoke)(void))
{
    int status = repeat(invoke, INFERENCES_LEAST, 0, &alone);
    if (status == 0 && alone.ticks < INFERENCES_LEAST * (hal_tick_hz() / MANY_TAKE_LESS_THAN_HZ)) {
        status = repeat(invoke, INFERENCES_MANY, 0, &alone);
    }
    if (status == 0) {
        start();
        while (woken.count < WAKEUPS) {
        }
        idle = stop();
        start();
        status = repeat(invoke, INFERENCES_LEAST, WAKEUPS, &together);
        beside = stop();
    }
    return status;
}

static void show_number(uint64_t value, const char *end)
{
    protocol_hex(value);
    protocol_text(end);
}

static void show_wakeups(const char *name, const struct wakeups *found)
{
    protocol_text(name);
    show_number(found->count, " ");
    show_number(found->least, " ");
    show_number(found->most, " ");
    show_number(found->jitter, " ");
    show_number(found->entry_least, " ");
    show_number(found->entry_most, "\n");
}

static void show_repeated(const char *name, const struct repeated *found)
{
    protocol_text(name);
    show_number(found->ticks, "*");
    show_number(found->inferences, "\n");
}

void scheduler_show(void)
{
    protocol_text("thread_hz=");
    show_number(hal_periodic_hz(), "\n");
    protocol_text("thread_period=");
    show_number(hal_periodic_ticks(), "\n");
    protocol_text("thread_busy_us=");
    show_number(SCHEDULER_BUSY_US, "\n");
    show_wakeups("idle=", &idle);
    show_wakeups("beside=", &beside);
    show_repeated("alone=", &alone);
    show_repeated("together=", &together);
}

#endif
