/* hal.h on Zephyr: the kernel's clock, the console's UART, the stacks the kernel painted. */
#include "hal.h"

#include <zephyr/arch/cpu.h>
#ifdef MLFORGE_MARKER
#include <zephyr/drivers/gpio.h>
#endif
#include <zephyr/drivers/uart.h>
#include <zephyr/fatal.h>
#include <zephyr/init.h>
#include <zephyr/kernel.h>
#ifdef CONFIG_TIMING_FUNCTIONS
#include <zephyr/timing/timing.h>
#endif

#include "protocol.h"

static const struct device *const uart = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

/* ---- UART ---- */

void hal_put(uint8_t byte)
{
    uart_poll_out(uart, byte);
}

/* Polls: what has not been read yet stays in the device, so a sender with flow control (an
 * emulator) loses nothing, and no interrupt disturbs a measurement. One request is outstanding at
 * a time, and a model whose input comes by rows asks for them, so no byte comes while it runs. */
uint8_t hal_get(void)
{
    uint8_t byte;
    while (uart_poll_in(uart, &byte) != 0) {
#ifdef CONFIG_ARCH_POSIX
        k_busy_wait(10); /* simulated time stands still in a loop without this */
#endif
    }
    return byte;
}

/* ---- Clock ---- */

#ifdef CONFIG_TIMING_FUNCTIONS
/* A cycle counter stands still until it is started; the kernel's own clock does not. */
static int start_clock(void)
{
    timing_init();
    timing_start();
    return 0;
}

SYS_INIT(start_clock, APPLICATION, CONFIG_APPLICATION_INIT_PRIORITY);
#endif

/* Counts wraps of a 32-bit counter. One that nobody sees only matters within a measurement, which
 * the watchdog keeps shorter. */
static uint64_t __maybe_unused extended(uint32_t now)
{
    static uint64_t total;
    total += (uint32_t)(now - (uint32_t)total);
    return total;
}

uint64_t hal_ticks(void)
{
#if defined(CONFIG_TIMING_FUNCTIONS)
    return extended((uint32_t)timing_counter_get());
#elif defined(CONFIG_TIMER_HAS_64BIT_CYCLE_COUNTER)
    return k_cycle_get_64();
#else
    return extended(k_cycle_get_32());
#endif
}

uint32_t hal_tick_hz(void)
{
#ifdef CONFIG_TIMING_FUNCTIONS
    return (uint32_t)timing_freq_get();
#else
    return (uint32_t)sys_clock_hw_cycles_per_sec();
#endif
}

#ifdef MLFORGE_MARKER
/* ---- Marker ---- */

#if !DT_NODE_HAS_PROP(DT_ALIAS(mlforge_marker), gpios)
#error "no devicetree alias mlforge-marker: see docs/hardware.md, Energy, for an overlay that has it"
#endif
static const struct gpio_dt_spec marker = GPIO_DT_SPEC_GET(DT_ALIAS(mlforge_marker), gpios);

static int start_marker(void)
{
    return gpio_pin_configure_dt(&marker, GPIO_OUTPUT_INACTIVE);
}

SYS_INIT(start_marker, APPLICATION, CONFIG_APPLICATION_INIT_PRIORITY);

void hal_marker(bool high)
{
    (void)gpio_pin_set_dt(&marker, high);
}

/* The kernel idles. */
void hal_idle(uint32_t ticks)
{
    k_usleep((int32_t)((uint64_t)ticks * USEC_PER_SEC / hal_tick_hz()));
}
#endif

/* ---- Faults ---- */

#define EXCEPTION_PENDSV 14 /* what the bare-metal watchdog shows too */

static void fault_field(const char *name, uint32_t value)
{
    protocol_text(name);
    protocol_hex(value);
    protocol_text("\n");
}

#define CFSR_MSTKERR (1u << 4) /* the stack overflowed */

/* Zephyr has cleared CFSR by now; of `reason`, one of K_ERR_*, only an overflow is told again. */
static FUNC_NORETURN void fault(uint32_t exception, uint32_t reason, uint32_t pc, uint32_t lr)
{
    protocol_begin(0, FRAME_FAULT);
    fault_field("exception=", exception);
    fault_field("pc=", pc);
    fault_field("lr=", lr);
    fault_field("cfsr=", reason == K_ERR_STACK_CHK_FAIL ? CFSR_MSTKERR : 0);
    fault_field("reason=", reason);
    protocol_end();
    hal_halt();
}

/* Zephyr's own hook. */
void k_sys_fatal_error_handler(unsigned int reason, const struct arch_esf *esf)
{
#ifdef CONFIG_CPU_CORTEX_M
    fault(__get_IPSR(), reason, esf ? esf->basic.pc : 0, esf ? esf->basic.lr : 0);
#elif defined(CONFIG_RISCV)
    fault(0, reason, esf ? (uint32_t)esf->mepc : 0, esf ? (uint32_t)esf->ra : 0);
#else
    ARG_UNUSED(esf);
    fault(0, reason, 0, 0);
#endif
}

static void on_hang(struct k_timer *timer)
{
    uint32_t pc = 0;
    uint32_t lr = 0;
    ARG_UNUSED(timer);
#ifdef CONFIG_CPU_CORTEX_M
    const uint32_t *frame = (const uint32_t *)__get_PSP(); /* of the thread that hangs */
    lr = frame[5];
    pc = frame[6];
#endif
    fault(EXCEPTION_PENDSV, K_ERR_KERNEL_PANIC, pc, lr);
}

static K_TIMER_DEFINE(watchdog, on_hang, NULL);

void hal_watchdog(uint32_t seconds)
{
    if (seconds) {
        k_timer_start(&watchdog, K_SECONDS(seconds), K_NO_WAIT);
    } else {
        k_timer_stop(&watchdog);
    }
}

void hal_halt(void)
{
    (void)irq_lock();
    for (;;) {
        k_cpu_idle();
        (void)irq_lock(); /* waking up may have let interrupts in again */
    }
}

/* ---- Stacks ---- */

/* What an interrupt may push on the running thread's stack at any depth. On Arm 8 words, or 26 with
 * the FPU's, and alignment. */
#ifdef CONFIG_ARM
#define EXCEPTION_FRAME_BYTES (IS_ENABLED(CONFIG_FPU) ? 112u : 40u)
#else
#define EXCEPTION_FRAME_BYTES ((uint32_t)sizeof(struct arch_esf))
#endif
#define STACK_PAINT 0xAAu /* CONFIG_INIT_STACKS */

K_KERNEL_STACK_ARRAY_DECLARE(z_interrupt_stacks, CONFIG_MP_MAX_NUM_CPUS, CONFIG_ISR_STACK_SIZE);

static void show_thread(const struct k_thread *thread, void *context)
{
    hal_stack_shower show = *(hal_stack_shower *)context;
    size_t unused = 0;
    uint32_t size = (uint32_t)thread->stack_info.size;
    (void)k_thread_stack_space_get(thread, &unused);
    const char *name = k_thread_name_get((k_tid_t)thread);
    show(name ? name : "?", size - (uint32_t)unused + EXCEPTION_FRAME_BYTES, size);
}

static void show_interrupt_stack(hal_stack_shower show)
{
    const uint8_t *start = K_KERNEL_STACK_BUFFER(z_interrupt_stacks[0]);
    uint32_t size = K_KERNEL_STACK_SIZEOF(z_interrupt_stacks[0]);
    uint32_t unused = 0;
    while (unused < size && start[unused] == STACK_PAINT) {
        unused++;
    }
    show("interrupts", size - unused, size);
}

void hal_stack_paint(void)
{
    /* The kernel has done it before this thread began. */
}

void hal_stacks(hal_stack_shower show)
{
    k_thread_foreach_unlocked(show_thread, &show); /* it prints: not with interrupts off */
    show_interrupt_stack(show);
}
