/* hal.h on Linux: the line is stdin and stdout, the clock is CLOCK_MONOTONIC, faults are signals.
 *
 * With MLFORGE_STILL set the clock stands still and no memory is told: what an emulator, or a
 * machine that is not the target, would tell of either is no figure, and differs at every start. */
#define _GNU_SOURCE /* of ucontext.h, the registers' names */
#include "hal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "protocol.h"

#define NS_PER_S 1000000000u
#define LINE_BYTES 4096u

static bool still;

/* ---- Line ---- */

static uint8_t out[LINE_BYTES];
static size_t held;
static uint8_t in[LINE_BYTES];
static size_t got;
static size_t taken;

static void flush(void)
{
    for (size_t done = 0; done < held;) {
        ssize_t now = write(STDOUT_FILENO, out + done, held - done);
        if (now < 0) {
            _exit(EXIT_FAILURE); /* nobody listens any more */
        }
        done += (size_t)now;
    }
    held = 0;
}

/* A frame ends with its line, so that is when the host has to have it. */
void hal_put(uint8_t byte)
{
    out[held++] = byte;
    if (byte == '\n' || held == sizeof out) {
        flush();
    }
}

uint8_t hal_get(void)
{
    if (taken == got) {
        flush(); /* what the host waits for may end without a line's end */
        ssize_t now = read(STDIN_FILENO, in, sizeof in);
        if (now <= 0) {
            _exit(now == 0 ? EXIT_SUCCESS : EXIT_FAILURE); /* the host has gone */
        }
        got = (size_t)now;
        taken = 0;
    }
    return in[taken++];
}

/* ---- Clock ---- */

uint64_t hal_ticks(void)
{
    struct timespec now;
    if (still) {
        return 0;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint32_t hal_tick_hz(void)
{
    return still ? 0 : NS_PER_S; /* 0 repeats the self-test as seldom as can be */
}

/* ---- Windows for a meter ---- */

#ifdef MLFORGE_MARKER
/* The machine's own counters are read before and after: no pin has to tell. */
void hal_marker(bool high)
{
    (void)high;
}

void hal_idle(uint32_t ticks)
{
    struct timespec left = {.tv_sec = (time_t)(ticks / NS_PER_S),
                            .tv_nsec = (long)(ticks % NS_PER_S)};
    (void)nanosleep(&left, NULL);
}
#endif

/* ---- Memory ---- */

/* VmHWM of /proc/self/status, in KiB there: the most that was ever resident. Not ru_maxrss, which
 * begins with what the process had that started this one. */
uint64_t hal_peak_memory_bytes(void)
{
    static char text[LINE_BYTES];
    static const char name[] = "VmHWM:";
    int file = still ? -1 : open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return 0;
    }
    ssize_t size = read(file, text, sizeof text - 1);
    (void)close(file);
    const char *line = size > 0 ? strstr(text, name) : NULL;
    return line ? strtoull(line + sizeof name - 1, NULL, 10) * 1024u : 0;
}

/* ---- Faults, and the watchdog ---- */

static uint64_t pc_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return context->uc_mcontext.pc;
#elif defined(__arm__)
    return context->uc_mcontext.arm_pc;
#else
    (void)context;
    return 0;
#endif
}

static void field(const char *name, uint64_t value)
{
    protocol_text(name);
    protocol_hex(value);
    protocol_text("\n");
}

/* Whatever frame was under way is cut off: a `$` begins a new one. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    protocol_begin(0, FRAME_FAULT);
    field("signal=", (uint64_t)number);
    field("address=", (uintptr_t)info->si_addr);
    field("pc=", pc_of(context));
    protocol_end();
    _exit(128 + number); /* as a shell tells it */
}

/* Of the processor's time: one that was stopped or starved does not hang. */
void hal_watchdog(uint32_t seconds)
{
    struct itimerval timer = {.it_value = {.tv_sec = (time_t)seconds}};
    (void)setitimer(ITIMER_PROF, &timer, NULL);
}

static uint8_t signal_stack[16384]; /* the other one may be the reason we are there */

__attribute__((constructor)) static void begin(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
                                 SIGTRAP, SIGSYS, SIGPROF};
    stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    still = getenv("MLFORGE_STILL") != NULL;
    (void)sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        (void)sigaction(faults[i], &action, NULL);
    }
}

void hal_halt(void)
{
    flush();
    _exit(EXIT_FAILURE);
}

/* ---- Stacks ---- */

/* The stack of a process grows as it is used, and is part of what is resident. */
void hal_stack_paint(void)
{
}

void hal_stacks(hal_stack_shower show)
{
    (void)show;
}
