/* Fixed-point arithmetic that every kernel shares; bit-equal to TFLite Micro's reference.
 *
 * A real factor is multiplier * 2^(shift - 31) with multiplier in [2^30, 2^31). TFLM rounds twice:
 * once after the multiplication (half up) and once after the right shift (half away from zero).
 */
#ifndef AOT_MATH_H
#define AOT_MATH_H

#include <stdint.h>

#if defined(__GNUC__)
#define AOT_INLINE static inline __attribute__((always_inline))
/* For inner loops that need all registers, which their callers would take from them. */
#define AOT_APART static __attribute__((noinline))
#else
#define AOT_INLINE static inline
#define AOT_APART static
#endif

/* Before a short loop of constant length that is to have no loop's cost. */
#if defined(__GNUC__)
#define AOT_UNROLL _Pragma("GCC unroll 4")
#else
#define AOT_UNROLL
#endif

/* acc += a * b. Pinned to one instruction on Armv7-M and later: left to itself, GCC moves and spills
 * the accumulators of a register block, which costs a fifth of the speed.
 */
#if defined(__GNUC__) && defined(__thumb2__)
#define AOT_MAC(acc, a, b) __asm__ volatile("mla %0, %1, %2, %0" : "+r"(acc) : "r"(a), "r"(b))
#else
#define AOT_MAC(acc, a, b) ((acc) += (a) * (b))
#endif

/* value = *from++. Pinned likewise, to one post-indexed load; as that does not name the memory it
 * reads, a kernel starts with AOT_MEMORY_WRITTEN.
 */
#if defined(__GNUC__) && defined(__thumb2__)
#define AOT_LOAD_NEXT_BYTE(value, from)                                                            \
    __asm__ volatile("ldrsb %0, [%1], #1" : "=r"(value), "+r"(from))
#define AOT_MEMORY_WRITTEN __asm__ volatile("" ::: "memory")
#else
#define AOT_LOAD_NEXT_BYTE(value, from) ((value) = *(from)++)
#define AOT_MEMORY_WRITTEN ((void)0)
#endif

/* How an accumulator becomes an int8.
 *
 * multiplier, shift
 *            shift in [1, 22]: a right shift, the fast form; the generator has checked that
 *            |accumulator| < 2^30, so nothing overflows.
 *            shift <= 0: the wide form; AOT_WIDE_RIGHT - right shift, or minus the left shift.
 *
 * Layers have these for every output channel, as `requant`, {bias, multiplier} in turn, and `shift`.
 * The input's zero point is folded into the bias.
 */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} aot_scale_t;

#define AOT_WIDE_RIGHT (-32)

AOT_INLINE int32_t aot_smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

AOT_INLINE int32_t aot_clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : (value > high ? high : value);
}

AOT_INLINE int8_t aot_saturate(int32_t value)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_SAT)
    /* GCC turns the clamp into compares and branches once it sees the narrowing. */
    __asm__("ssat %0, #8, %1" : "=r"(value) : "r"(value));
    return (int8_t)value;
#else
    return (int8_t)aot_clamp(value, -128, 127);
#endif
}

/* A scaled value with the zero point added, as an int8. The sum wraps, as the reference's does. */
AOT_INLINE int8_t aot_quantised(int32_t scaled, int32_t zero_point)
{
    return aot_saturate((int32_t)((uint32_t)scaled + (uint32_t)zero_point));
}

/* value * multiplier / 2^31, rounded half up. */
AOT_INLINE int32_t aot_multiply_high(int32_t value, int32_t multiplier)
{
    return (int32_t)(((int64_t)value * multiplier + (INT64_C(1) << 30)) >> 31);
}

/* value / 2^exponent, rounded half away from zero; exponent in [0, 31]. */
AOT_INLINE int32_t aot_round_shift(int32_t value, int32_t exponent)
{
    uint32_t mask = (UINT32_C(1) << exponent) - 1;
    uint32_t half = (mask >> 1) + (value < 0);
    return (value >> exponent) + (((uint32_t)value & mask) > half);
}

/* value * multiplier * 2^(shift - 31) with both roundings; shift in [-31, 30], positive is left.
 * A left shift wraps, as the reference does.
 */
AOT_INLINE int32_t aot_scale(int32_t value, int32_t multiplier, int32_t shift)
{
    int32_t shifted = shift > 0 ? (int32_t)((uint32_t)value << shift) : value;
    return aot_round_shift(aot_multiply_high(shifted, multiplier), shift < 0 ? -shift : 0);
}

/* The constant of the fast form that rounds and adds the zero point: (zero_point + 0.5) * 2^shift. */
AOT_INLINE int32_t aot_centre(int32_t zero_point, int32_t shift)
{
    return (2 * zero_point + 1) * (int32_t)(UINT32_C(1) << (shift - 1));
}

/* twice * multiplier / 2^32, plus centre, shifted right by 1 to 31: both of TFLM's roundings in one
 * multiply-accumulate, as the sign makes the second go away from zero.
 */
AOT_INLINE int32_t aot_scale_fast(int32_t twice, int32_t multiplier, int32_t centre, int32_t shift)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    int32_t scaled;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(scaled) : "r"(twice), "r"(multiplier), "r"(centre));
#else
    uint64_t start = ((uint64_t)(uint32_t)centre << 32) | UINT64_C(0x80000000);
    int32_t scaled = (int32_t)(((int64_t)twice * multiplier + (int64_t)start) >> 32);
#endif
    return (scaled + (twice >> 31)) >> shift;
}

/* Fast form: from accumulator to output. */
AOT_INLINE int8_t aot_requantise(int32_t acc, int32_t multiplier, int32_t centre, int32_t shift)
{
    return aot_saturate(aot_scale_fast(acc + acc, multiplier, centre, shift));
}

/* Wide form: any factor. Rare, so it is a function. */
int8_t aot_requantise_wide(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point);

/* From accumulator to output in whatever form the channel has. */
AOT_INLINE int8_t aot_finish(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    if (shift <= 0) {
        return aot_requantise_wide(acc, multiplier, shift, zero_point);
    }
    return aot_requantise(acc, multiplier, aot_centre(zero_point, shift), shift);
}

#endif
