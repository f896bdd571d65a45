/* Faults, and the watchdog's PendSV: one framed message with the registers, then a halt. */
#include "cortex_m.h"
#include "hal.h"
#include "protocol.h"

#define TEXT_OF(value) #value
#define STRING(value) TEXT_OF(value)

/* CFSR bits that say the exception frame was not stacked: MSTKERR, STKERR, STKOF. */
#define CFSR_NOT_STACKED 0x00101010

void fault_report(uint32_t pc, uint32_t lr);

/* Takes pc and lr out of the exception frame, where there is one, and then starts over with an
 * empty stack: the old one may be the reason we are here. */
__attribute__((naked)) void Fault_Handler(void)
{
    __asm__ volatile(
        "mrs r3, msp               \n"
        "movs r0, #0               \n"
        "movs r1, #0               \n"
        "ldr r2, =0xE000ED28       \n" /* CFSR */
        "ldr r2, [r2]              \n"
        "ldr r12, =" STRING(CFSR_NOT_STACKED) " \n"
        "tst r2, r12               \n"
        "bne 1f                    \n"
        "ldr r2, =__stack_limit    \n"
        "cmp r3, r2                \n"
        "blo 1f                    \n"
        "ldr r0, [r3, #24]         \n"
        "ldr r1, [r3, #20]         \n"
        "1: ldr r2, =__stack_top   \n"
        "mov sp, r2                \n"
        "b fault_report            \n");
}

static void field(const char *name, uint32_t value)
{
    protocol_text(name);
    protocol_hex(value);
    protocol_text("\n");
}

__attribute__((used, noreturn)) void fault_report(uint32_t pc, uint32_t lr)
{
    uint32_t exception;
    __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
    protocol_begin(0, FRAME_FAULT);
    field("exception=", exception);
    field("pc=", pc);
    field("lr=", lr);
    field("cfsr=", SCB_CFSR);
    field("hfsr=", SCB_HFSR);
    field("mmfar=", SCB_MMFAR);
    field("bfar=", SCB_BFAR);
    protocol_end();
    hal_halt();
}
