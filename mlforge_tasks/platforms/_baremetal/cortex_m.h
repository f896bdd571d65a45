/* System registers of the Armv7-M and Armv8-M cores that the start-up code touches.
 * Addresses: Armv7-M and Armv8-M Architecture Reference Manuals, System Control Space. */
#ifndef MLFORGE_CORTEX_M_H
#define MLFORGE_CORTEX_M_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define SCB_ICSR REGISTER(0xE000ED04u)
#define SCB_CCR REGISTER(0xE000ED14u)
#define SCB_SHCSR REGISTER(0xE000ED24u)
#define SCB_CFSR REGISTER(0xE000ED28u)
#define SCB_HFSR REGISTER(0xE000ED2Cu)
#define SCB_MMFAR REGISTER(0xE000ED34u)
#define SCB_BFAR REGISTER(0xE000ED38u)
#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RNR REGISTER(0xE000ED98u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u) /* Armv7-M only */

#define ICSR_PENDSVSET (1u << 28)
#define ICSR_PENDSTSET (1u << 26)
#define ICSR_PENDSTCLR (1u << 25)
#define CCR_DIV_0_TRP (1u << 4)
#define SHCSR_FAULTS_ENABLE (0xFu << 16) /* memory, bus, usage and (Armv8-M) secure faults */

#define MPU_GUARD_BYTES (1u << 20)
#define RASR_XN (1u << 28)
#define RASR_SIZE_1M (19u << 1)
#define RASR_ENABLE 1u
#define CTRL_DEFAULT_MAP 4u
#define CTRL_ENABLE 1u

/* Bounds from the linker script. */
extern uint32_t __stack_limit[], __stack_top[];

void platform_init(void); /* clock and UART, before main() */
void Fault_Handler(void);
void SysTick_Handler(void);

#endif
