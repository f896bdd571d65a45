/* The platform side of hal.h: SysTick clock, CMSDK APB UART, painted stack.
 * From the board file: HAL_UART_BASE, HAL_TICK_HZ; for a meter HAL_MARKER_BASE, HAL_MARKER_PIN.
 * UART and GPIO registers: Arm Cortex-M System Design Kit TRM, APB UART, AHB GPIO. */
#include "hal.h"

#include "cortex_m.h"
#ifdef MLFORGE_SCHEDULER
#include "scheduler.h"
#endif

#define UART_DATA REGISTER(HAL_UART_BASE + 0x00u)
#define UART_STATE REGISTER(HAL_UART_BASE + 0x04u)
#define UART_CTRL REGISTER(HAL_UART_BASE + 0x08u)
#define UART_BAUDDIV REGISTER(HAL_UART_BASE + 0x10u)
#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define CTRL_TX_RX_ENABLE 3u
#define BAUD_DIVISOR_LEAST 16u

#define SYSTICK_RELOAD 0xFFFFFFu
#define SYSTICK_CORE_CLOCK_IRQ_ENABLE 7u

#define PAINT 0xC5C5C5C5u
/* What the clock interrupt may push at any depth: 8 words, or 26 with the FPU's, and alignment. */
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
#define EXCEPTION_FRAME_BYTES 112u
#else
#define EXCEPTION_FRAME_BYTES 40u
#endif

static volatile uint32_t wraps;
static volatile uint32_t watchdog_wraps; /* 0: not armed */
#ifdef MLFORGE_SCHEDULER
static uint32_t systick_reload = SYSTICK_RELOAD; /* the period of what runs beside the inference */
static uint64_t ticks_before;                  /* those with another reload value */
#else
#define systick_reload SYSTICK_RELOAD
#endif

void platform_init(void)
{
    UART_BAUDDIV = BAUD_DIVISOR_LEAST;
    UART_CTRL = CTRL_TX_RX_ENABLE;
    SYST_RVR = SYSTICK_RELOAD;
    SYST_CVR = 0;
    SYST_CSR = SYSTICK_CORE_CLOCK_IRQ_ENABLE;
#ifdef MLFORGE_MARKER
    hal_marker(false);
#endif
}

void hal_put(uint8_t byte)
{
    while (UART_STATE & STATE_TX_FULL) {
    }
    UART_DATA = byte;
}

uint8_t hal_get(void)
{
    while (!(UART_STATE & STATE_RX_FULL)) {
    }
    return (uint8_t)UART_DATA;
}

void SysTick_Handler(void)
{
#ifdef MLFORGE_SCHEDULER
    uint32_t value = SYST_CVR;
    uint32_t late = value ? systick_reload + 1u - value : 0u; /* than it came to 0 */
#endif
    wraps++;
    if (watchdog_wraps && --watchdog_wraps == 0) {
        SCB_ICSR = ICSR_PENDSVSET;
    }
#ifdef MLFORGE_SCHEDULER
    if (systick_reload != SYSTICK_RELOAD) {
        scheduler_woken(late, late);
    }
#endif
}

uint64_t hal_ticks(void)
{
    uint32_t count, value, pending;
    do {
        count = wraps;
        value = SYST_CVR;
        pending = SCB_ICSR & ICSR_PENDSTSET;
    } while (count != wraps);
    if (pending && value > systick_reload / 2) {
        count++; /* it wrapped before we read it and its interrupt has not run yet */
    }
#ifdef MLFORGE_SCHEDULER
    return ticks_before + (uint64_t)count * (systick_reload + 1u) + (systick_reload - value);
#else
    return ((uint64_t)count << 24) + (SYSTICK_RELOAD - value);
#endif
}

uint32_t hal_tick_hz(void)
{
    return HAL_TICK_HZ;
}

void hal_watchdog(uint32_t seconds)
{
    /* One wrap more, for the one that is under way. */
    watchdog_wraps = seconds ? seconds * (HAL_TICK_HZ >> 16) / (SYSTICK_RELOAD >> 16) + 2 : 0;
}

void hal_stack_paint(void)
{
    /* Volatile, or the compiler calls memset, whose return address lies below what sp was here. */
    volatile uint32_t *end;
    __asm__ volatile("mov %0, sp" : "=r"(end));
    for (volatile uint32_t *word = __stack_limit; word < end; word++) {
        *word = PAINT;
    }
}

void hal_stacks(hal_stack_shower show)
{
    const uint32_t *word = __stack_limit;
    while (word < __stack_top && *word == PAINT) {
        word++;
    }
    const char *top = (const char *)__stack_top;
    uint32_t used = (uint32_t)(top - (const char *)word) + EXCEPTION_FRAME_BYTES;
    show("main", used, (uint32_t)(top - (const char *)__stack_limit));
}

#ifdef MLFORGE_MARKER
#define MARKER_OUT REGISTER(HAL_MARKER_BASE + 0x04u)
#define MARKER_ENABLE REGISTER(HAL_MARKER_BASE + 0x10u)
#define MARKER (1u << HAL_MARKER_PIN)

void hal_marker(bool high)
{
    MARKER_OUT = high ? MARKER : 0;
    MARKER_ENABLE = MARKER;
}

/* The clock's interrupt comes when it is over. Ticks that pass are not counted whole; the clock
 * still only goes up, since a turn of it is. */
void hal_idle(uint32_t ticks)
{
    while (ticks) {
        uint32_t part = ticks < SYSTICK_RELOAD ? ticks : SYSTICK_RELOAD;
        uint32_t before = wraps;
        SYST_RVR = part;
        SYST_CVR = 0;
        while (wraps == before) {
            __asm__ volatile("wfi");
        }
        ticks -= part;
    }
    SYST_RVR = SYSTICK_RELOAD;
    SYST_CVR = 0;
}
#endif

#ifdef MLFORGE_SCHEDULER
/* A period is a whole number of 100 us, and every clock one of 10 kHz. */
#define TICKS_IN_100_US (HAL_TICK_HZ / 10000u)
#define BUSY_TICKS (TICKS_IN_100_US * SCHEDULER_BUSY_US / 100u)

static void wrap_after(uint32_t reload)
{
    SYST_CSR = 0;
    ticks_before = hal_ticks();
    SCB_ICSR = ICSR_PENDSTCLR;
    wraps = 0;
    systick_reload = reload;
    SYST_RVR = reload;
    SYST_CVR = 0;
    SYST_CSR = SYSTICK_CORE_CLOCK_IRQ_ENABLE;
}

void hal_periodic_start(void)
{
    wrap_after(hal_periodic_ticks() - 1u);
}

void hal_periodic_stop(void)
{
    wrap_after(SYSTICK_RELOAD);
}

/* In the interrupt, when hal_ticks() would not see a second wrap. */
void hal_periodic_work(void)
{
    uint32_t last = SYST_CVR;
    for (uint32_t left = BUSY_TICKS; left > 0;) {
        uint32_t now = SYST_CVR;
        uint32_t passed = last >= now ? last - now : last + systick_reload + 1u - now;
        left = passed < left ? left - passed : 0;
        last = now;
    }
}

uint32_t hal_periodic_hz(void)
{
    return HAL_TICK_HZ;
}

uint32_t hal_periodic_ticks(void)
{
    return TICKS_IN_100_US * (SCHEDULER_PERIOD_US / 100u);
}
#endif

void hal_halt(void)
{
    __asm__ volatile("cpsid i");
    SYST_CSR = 0;
    for (;;) {
        __asm__ volatile("wfi");
    }
}
