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

/* Copies bytes, sixteen at a time in a loop whose end is predicated. */
AOT_INLINE void aot_copy_vectors(int8_t *to, const int8_t *from, int32_t bytes)
{
    __asm__ volatile("wlstp.8 lr, %2, 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%1], #16\n\t"
                     "vstrb.8 q0, [%0], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(to), "+r"(from)
                     : "r"(bytes)
                     : "q0", "lr", "memory");
}

/* Sets bytes likewise. */
AOT_INLINE void aot_fill_vectors(int8_t *to, int32_t value, int32_t bytes)
{
    int8x16_t vector = vdupq_n_s8((int8_t)value);
    __asm__ volatile("wlstp.8 lr, %2, 2f\n"
                     "1:\n\t"
                     "vstrb.8 %q1, [%0], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(to)
                     : "w"(vector), "r"(bytes)
                     : "lr", "memory");
}

/* Four accumulators as a vector. */
AOT_INLINE int32x4_t aot_vector(int32_t a0, int32_t a1, int32_t a2, int32_t a3)
{
    int32x4_t vector;
    __asm__("vmov %q0[2], %q0[0], %1, %2" : "=w"(vector) : "r"(a0), "r"(a2));
    __asm__("vmov %q0[3], %q0[1], %1, %2" : "+w"(vector) : "r"(a1), "r"(a3));
    return vector;
}

/* aot_scale_fast of four values, from accumulators that are not doubled; without a zero point. In
 * assembly, because GCC copies what is added to.
 */
AOT_INLINE int32x4_t aot_scale_fast_x4(int32x4_t acc, int32_t multiplier, int32_t shift)
{
    int32x4_t scaled = vshrq_n_s32(acc, 31);
    __asm__("vqrdmlah.s32 %q0, %q1, %2" : "+w"(scaled) : "w"(acc), "r"(multiplier));
    return vrshlq_n_s32(scaled, -shift);
}

/* Eight scaled values with the zero point added, as int8, in the order low 0, high 0, low 1, high 1,
 * ... In assembly, because GCC copies what the narrowing instructions overwrite.
 */
AOT_INLINE int16x8_t aot_narrow(int32x4_t low, int32x4_t high, int32_t zero_point)
{
    __asm__("vqmovnb.s32 %q0, %q0" : "+w"(low));
    __asm__("vqmovnt.s32 %q0, %q1" : "+w"(low) : "w"(high));
    int16x8_t both = vqaddq_n_s16(vreinterpretq_s16_s32(low), (int16_t)zero_point);
    __asm__("vqmovnb.s16 %q0, %q0" : "+w"(both));
    return both;
}

#endif
