/* Instructions of the DSP extension. Volatile, one instruction each: that fixes choice and order
 * and leaves GCC the registers, of which the blocks take all there are. As the loads do not name
 * the memory they read, a kernel starts with AOT_MEMORY_WRITTEN.
 */
#ifndef AOT_DSP_H
#define AOT_DSP_H

#if !defined(__ARM_FEATURE_DSP)
#error "these kernels want the DSP extension: compile for a core that has it"
#endif

#include "aot_math.h"

/* acc += low halves' product + high halves' product. */
#define AOT_SMLAD(acc, a, b)                                                                       \
    __asm__ volatile("smlad %0, %1, %2, %0" : "+r"(acc) : "r"(a), "r"(b))

/* acc += one half of a times one half of b; B is the low half, T the high one. */
#define AOT_SMLA(halves, acc, a, b)                                                                \
    __asm__ volatile("smla" #halves " %0, %1, %2, %0" : "+r"(acc) : "r"(a), "r"(b))

/* Bytes 0 and 2, or 1 and 3, of a word as two 16-bit halves. */
#define AOT_EVEN_BYTES(halves, word) __asm__ volatile("sxtb16 %0, %1" : "=r"(halves) : "r"(word))
#define AOT_ODD_BYTES(halves, word)                                                                \
    __asm__ volatile("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(word))

/* Both halves twice. */
#define AOT_DOUBLE_HALVES(word) __asm__ volatile("sadd16 %0, %0, %0" : "+r"(word))

#define AOT_LOAD(word, from, offset)                                                               \
    __asm__ volatile("ldr %0, [%1, %2]" : "=r"(word) : "r"(from), "i"(offset))

/* The next word, or two, and moves on. */
#define AOT_LOAD_NEXT(word, from)                                                                  \
    __asm__ volatile("ldr %0, [%1], #4" : "=r"(word), "+r"(from))
#define AOT_LOAD_NEXT_TWO(word0, word1, from)                                                      \
    __asm__ volatile("ldrd %0, %1, [%2], #8" : "=&r"(word0), "=&r"(word1), "+r"(from))

/* Saturates to 8 bits and stores the byte, at an address of %1 and %2; addresses stay as they are
 * written, for which GCC would take more registers.
 */
#define AOT_STORE_SATURATED(value, address, base, step)                                            \
    do {                                                                                           \
        __asm__ volatile("ssat %0, #8, %0" : "+r"(value));                                         \
        __asm__ volatile("strb %0, " address : : "r"(value), "r"(base), "r"(step));                \
    } while (0)

/* aot_scale_fast before its shift; where the zero point is -128, all that is negative becomes that,
 * whichever way it is rounded.
 */
AOT_INLINE int32_t aot_scale_dsp(int32_t twice, int32_t multiplier, int32_t centre, int32_t relu)
{
    int32_t scaled;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(scaled) : "r"(twice), "r"(multiplier), "r"(centre));
    return relu ? scaled : scaled + (twice >> 31);
}

/* Four bytes of a packed window (aot_dot_s8.h): two words, `stride` words apart; returns
 * where the next four go. */
AOT_INLINE int32_t *aot_pack_word(int32_t word, int32_t *to, int32_t stride)
{
    int32_t even, odd;
    AOT_EVEN_BYTES(even, word);
    AOT_ODD_BYTES(odd, word);
    to[0] = even;
    to[stride] = odd;
    return to + 2 * stride;
}

#endif
