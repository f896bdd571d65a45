/* Instructions of MVE (Helium). Volatile, one instruction each: that fixes choice and order and
 * leaves GCC the registers, of which the blocks take all there are. As the loads do not name the
 * memory they read, a kernel starts with AOT_MEMORY_WRITTEN.
 */
#ifndef AOT_MVE_H
#define AOT_MVE_H

#if !defined(__ARM_FEATURE_MVE)
#error "these kernels want MVE: compile with -mfloat-abi=hard and a core that has it"
#endif

#include <arm_mve.h>

#include "aot_math.h"

/* The next sixteen bytes, of any alignment, and moves on. */
#define AOT_LOAD_NEXT(vector, from)                                                                \
    __asm__ volatile("vldrb.8 %q0, [%1], #16" : "=w"(vector), "+r"(from))

/* acc = or += the inner product of sixteen bytes. */
#define AOT_VMLADAV(acc, a, b)                                                                     \
    __asm__ volatile("vmladav.s8 %0, %q1, %q2" : "=Te"(acc) : "w"(a), "w"(b))
#define AOT_VMLADAVA(acc, a, b)                                                                    \
    __asm__ volatile("vmladava.s8 %0, %q1, %q2" : "+Te"(acc) : "w"(a), "w"(b))

/* Four accumulators as a vector. */
AOT_INLINE int32x4_t aot_vector(int32_t a0, int32_t a1, int32_t a2, int32_t a3)
{
    int32x4_t vector;
    __asm__("vmov %q0[2], %q0[0], %1, %2" : "=w"(vector) : "r"(a0), "r"(a2));
    __asm__("vmov %q0[3], %q0[1], %1, %2" : "+w"(vector) : "r"(a1), "r"(a3));
    return vector;
}

/* aot_scale_fast of four values, from accumulators that are not doubled. */
AOT_INLINE int32x4_t aot_scale_fast_x4(int32x4_t acc, int32_t multiplier, int32_t centre,
                                       int32_t shift)
{
    int32x4_t start = vaddq_n_s32(vshrq_n_s32(acc, 31), centre);
    return vshlq_r_s32(vqrdmlahq_n_s32(start, acc, multiplier), -shift);
}

#endif
