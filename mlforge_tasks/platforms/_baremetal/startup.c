/* Reset to main() on Armv7-M and Armv8-M mainline cores. */
#include "cortex_m.h"
#include "hal.h"

#define ASCII_EOT 0x04

extern uint32_t __data_start[], __data_end[], __data_load[], __bss_start[], __bss_end[];

int main(void);
void Reset_Handler(void);
void start(void);

/* The FPU comes on in assembly: a compiler with MVE may use vector registers in any C loop. */
__attribute__((naked, noreturn)) void Reset_Handler(void)
{
    __asm__ volatile(
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
        "ldr r0, =0xE000ED88 \n" /* CPACR */
        "ldr r1, [r0]        \n"
        "orr r1, #0xF00000   \n" /* full access to coprocessors 10 and 11 */
        "str r1, [r0]        \n"
        "dsb                 \n"
        "isb                 \n"
#endif
#if __ARM_ARCH >= 8
        "ldr r0, =__stack_limit \n"
        "msr msplim, r0         \n"
#endif
        "b start \n");
}

#if __ARM_ARCH < 8
/* Armv7-M has no stack limit register: the MPU forbids all access to the megabyte below the stack.
 * A core without an MPU ignores this. */
static void guard_stack(void)
{
    MPU_RNR = 0;
    MPU_RBAR = (uint32_t)__stack_limit - MPU_GUARD_BYTES;
    MPU_RASR = RASR_XN | RASR_SIZE_1M | RASR_ENABLE;
    MPU_CTRL = CTRL_DEFAULT_MAP | CTRL_ENABLE;
    __asm__ volatile("dsb\n isb");
}
#endif

__attribute__((noreturn)) void start(void)
{
#if __ARM_ARCH < 8
    guard_stack();
#endif
    const uint32_t *from = __data_load;
    for (uint32_t *to = __data_start; to < __data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = __bss_start; to < __bss_end;) {
        *to++ = 0;
    }
    SCB_SHCSR |= SHCSR_FAULTS_ENABLE;
    SCB_CCR |= CCR_DIV_0_TRP;
    platform_init();
    main();
    hal_put(ASCII_EOT); /* tells a host that waits for it that main() returned */
    hal_halt();
}

typedef void (*vector)(void);

/* PendSV is the watchdog's: SysTick requests it, so that its frame is the one of the code that
 * hangs. NMI, SVC and the debug monitor are never expected here. */
__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    (vector)__stack_top, Reset_Handler, Fault_Handler, Fault_Handler,
    Fault_Handler,       Fault_Handler, Fault_Handler, Fault_Handler,
    0,                   0,             0,             Fault_Handler,
    Fault_Handler,       0,             Fault_Handler, SysTick_Handler,
};
