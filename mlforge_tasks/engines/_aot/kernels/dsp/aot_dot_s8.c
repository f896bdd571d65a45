#include "aot_dot_s8.h"

#include <string.h>

#include "aot_dot_block_s8.h"

/* One window and two pairs, whose accumulators are a<pair> and b<pair>. */
#define ONE_FOUR_TAPS(w, a, b)                                                                     \
    AOT_LOAD_NEXT_TWO(even, odd, w);                                                               \
    AOT_SMLAD(b, even, x0);                                                                        \
    AOT_EVEN_BYTES(even, even);                                                                    \
    AOT_SMLAD(a, even, x0);                                                                        \
    AOT_SMLAD(b, odd, x1);                                                                         \
    AOT_EVEN_BYTES(odd, odd);                                                                      \
    AOT_SMLAD(a, odd, x1);
#define ONE_FOUR_TAPS_OF_TWO                                                                       \
    AOT_LOAD_NEXT_TWO(x0, x1, x);                                                                  \
    ONE_FOUR_TAPS(w0, a0, b0)                                                                      \
    ONE_FOUR_TAPS(w1, a1, b1)

/* From the sums of a pair of the fast form in four windows to outputs. In one piece, as GCC spills
 * what it is given bit by bit; pointers and constants are read from the stack when they are used.
 * `sums` are those of the first channel and of both, doubled here; `shift` has that of each channel
 * in a byte.
 */
#define SPLIT(both, first)                                                                         \
    "sub " both ", " both ", " first "\n\t"                                                        \
    "asr " both ", " both ", #7\n\t"                                                               \
    "lsl " first ", " first ", #1\n\t"
/* The second rounding goes away from zero where the sum is negative. */
#define SCALE_ANY(sum)                                                                             \
    "smmlar %[t], " sum ", %[m], %[c]\n\t"                                                         \
    "add " sum ", %[t], " sum ", asr #31\n\t"
/* Where the zero point is -128, all that is negative becomes that, whichever way it is rounded. */
#define SCALE_POSITIVE(sum) "smmlar " sum ", " sum ", %[m], %[c]\n\t"
#define SHIFT(sum, shift)                                                                          \
    "asr " sum ", " sum ", " shift "\n\tssat " sum ", #8, " sum "\n\t"
#define QUANTISE(SCALE, p, q, r, s, shift, at)                                                     \
    "ldr %[t], %[requant]\n\tldr %[m], [%[t], #" at "]\n\t"                                        \
    "ldr %[c], %[odd]\n\tsub %[t], " shift ", #1\n\tlsl %[c], %[c], %[t]\n\t"                      \
    SCALE(p) SCALE(q) SCALE(r) SCALE(s)                                                            \
    SHIFT(p, shift) SHIFT(q, shift) SHIFT(r, shift) SHIFT(s, shift)
#define STORE(p, q, r, s)                                                                          \
    "ldr %[t], %[step]\n\tadd %[m], %[y], %[t]\n\t"                                                \
    "strb " q ", [%[y], %[t]]\n\tstrb " r ", [%[y], %[t], lsl #1]\n\t"                             \
    "strb " p ", [%[y]], #1\n\tstrb " s ", [%[m], %[t], lsl #1]\n\t"
#define FINISH_PAIR(SCALE)                                                                         \
    __asm__ volatile(                                                                              \
        SPLIT("%[b0]", "%[a0]") SPLIT("%[b1]", "%[a1]")                                            \
        SPLIT("%[b2]", "%[a2]") SPLIT("%[b3]", "%[a3]")                                            \
        "uxtb %[y], %[shift]\n\t"                                                                  \
        QUANTISE(SCALE, "%[a0]", "%[a1]", "%[a2]", "%[a3]", "%[y]", "-12")                        \
        "ldr %[y], %[output]\n\t"                                                                  \
        STORE("%[a0]", "%[a1]", "%[a2]", "%[a3]")                                                  \
        "lsr %[shift], %[shift], #8\n\t"                                                           \
        QUANTISE(SCALE, "%[b0]", "%[b1]", "%[b2]", "%[b3]", "%[shift]", "-4")                      \
        STORE("%[b0]", "%[b1]", "%[b2]", "%[b3]")                                                  \
        "str %[y], %[output]"                                                                      \
        : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [b0] "+r"(b0), [b1] "+r"(b1),\
          [b2] "+r"(b2), [b3] "+r"(b3), [shift] "+r"(shift), [output] "+m"(output), [t] "=&r"(x0), \
          [m] "=&r"(x1), [c] "=&r"(both), [y] "=&r"(first)                                         \
        : [requant] "m"(requant), [odd] "m"(odd), [step] "m"(step))
#define ODD_OF_RELU (2 * -128 + 1)
/* A shift that is not of the fast form, or no channel, in either byte. */
#define NOT_FAST 0x8080u

int8_t *aot_finish_pair_s8(const aot_dot_t *dot, const int32_t *requant, const int8_t *shift,
                           const int32_t *sums, int8_t *y)
{
    for (int32_t channel = 0; channel < 2; channel++) {
        if (*shift != AOT_NO_CHANNEL) {
            for (int32_t window = 0; window < 4; window++) {
                y[window * dot->channels] =
                    aot_finish(sums[window], requant[1], *shift, dot->zero_point);
            }
            y++;
        }
        requant += 2;
        shift++;
        sums += 4;
    }
    return y;
}

#define PACK_NEXT                                                                                  \
    AOT_LOAD_NEXT(word, x);                                                                        \
    to = aot_pack_word(word, to, group);                                                           \
    __asm__ volatile("" : "+r"(to)); /* or GCC makes a pointer of each */

void aot_pack_s8(const aot_dot_t *dot, const int8_t *x, int32_t step, int8_t *packed, int32_t slot,
                 int32_t group)
{
    int32_t *to = (int32_t *)(void *)packed + slot;
    int32_t runs = dot->runs, run = dot->run, word;
    int32_t rests = run & 3, filled = 0;
    int32_t *behind = to + runs * (run >> 2) * 2 * group;
    uint32_t rest = 0;
    AOT_MEMORY_WRITTEN;
    for (; runs > 0; runs--) {
        const int8_t *end = x + (run & ~15);
        while (x != end) {
            PACK_NEXT PACK_NEXT PACK_NEXT PACK_NEXT
        }
        end = x + (run & 12);
        while (x != end) {
            PACK_NEXT
        }
        for (end += rests; x != end;) {
            int32_t byte;
            __asm__ volatile("ldrb %0, [%1], #1" : "=r"(byte), "+r"(x));
            rest = (rest >> 8) | ((uint32_t)byte << 24);
            if (++filled == 4) {
                behind = aot_pack_word((int32_t)rest, behind, group);
                filled = 0;
            }
        }
        x += step - run;
    }
    if (filled > 0) {
        aot_pack_word((int32_t)(rest >> (32 - 8 * filled)), behind, group);
    }
}

#undef PACK_NEXT

#define NEXT_PLACE(place)                                                                          \
    __asm__ volatile("ldrsh %0, [%1], #2" : "=r"(place), "+r"(places))
#define LOAD_AT(load, value, x, place)                                                             \
    __asm__ volatile(load " %0, [%1, %2]" : "=r"(value) : "r"(x), "r"(place))
/* Four bytes of two windows that are neighbours. */
#define STORE_TWO(word0, word1, even_address, odd_address)                                         \
    AOT_EVEN_BYTES(even0, word0);                                                                  \
    AOT_EVEN_BYTES(even1, word1);                                                                  \
    AOT_ODD_BYTES(word0, word0);                                                                   \
    AOT_ODD_BYTES(word1, word1);                                                                   \
    __asm__ volatile("strd %0, %1, " even_address : : "r"(even0), "r"(even1), "r"(to));           \
    __asm__ volatile("strd %0, %1, " odd_address : : "r"(word0), "r"(word1), "r"(to))
#define TWO_WORDS(a, b, even_address, odd_address)                                                 \
    LOAD_AT("ldr", word0, a, place);                                                               \
    LOAD_AT("ldr", word1, b, place);                                                               \
    STORE_TWO(word0, word1, even_address, odd_address);
#define ADD_TAP(word, x, place, bits)                                                              \
    LOAD_AT("ldrb", tap, x, place);                                                                \
    __asm__ volatile("orr %0, %0, %1, lsl #" bits : "+r"(word) : "r"(tap));
#define FOUR_TAPS(word, x)                                                                         \
    LOAD_AT("ldrb", word, x, place);                                                               \
    ADD_TAP(word, x, place1, "8") ADD_TAP(word, x, place2, "16") ADD_TAP(word, x, place3, "24")

void aot_pack_places_s8(const aot_dot_t *dot, const int8_t *x, int32_t step, int32_t count,
                        int8_t *packed)
{
    const int16_t *places = dot->places;
    const int8_t *to = packed;
    const int8_t *x1 = x + (count > 1 ? step : 0), *x2 = x1 + (count > 2 ? step : 0);
    const int8_t *x3 = x2 + (count > 3 ? step : 0);
    int32_t words = *places++, fours = *places++;
    int32_t place, word0, word1, even0, even1;

    AOT_MEMORY_WRITTEN;
    for (const int16_t *end = places + words; places != end;) {
        NEXT_PLACE(place);
        TWO_WORDS(x, x1, "[%2]", "[%2, #16]")
        TWO_WORDS(x2, x3, "[%2, #8]", "[%2, #24]")
        to += 32;
    }
    for (const int16_t *end = places + 4 * fours; places != end;) {
        int32_t place1, place2, place3, tap;
        NEXT_PLACE(place);
        NEXT_PLACE(place1);
        NEXT_PLACE(place2);
        NEXT_PLACE(place3);
        FOUR_TAPS(word0, x)
        FOUR_TAPS(word1, x1)
        STORE_TWO(word0, word1, "[%2]", "[%2, #16]");
        FOUR_TAPS(word0, x2)
        FOUR_TAPS(word1, x3)
        STORE_TWO(word0, word1, "[%2, #8]", "[%2, #24]");
        to += 32;
    }
    AOT_MEMORY_WRITTEN;
}

AOT_INLINE uint32_t load_half(const int8_t *x)
{
    uint16_t half;
    memcpy(&half, x, sizeof half);
    return half;
}

/* What the first channel's sum starts with, and the one of both. */
AOT_INLINE int32_t both_biases(int32_t first, int32_t second)
{
    return (int32_t)((uint32_t)first + ((uint32_t)second << 8));
}

void aot_dot_four_s8(const aot_dot_t *dot, const int8_t *packed, int8_t *y)
{
    /* What is volatile stays on the stack, as the inner loop has all registers. */
    const int8_t *volatile weights = dot->weights, *volatile shifts = dot->shift;
    const int32_t *volatile requant = dot->bias;
    int32_t bytes = 8 * dot->taps;
    const int8_t *volatile whole_end = packed + (bytes & ~127), *volatile end = packed + bytes;
    volatile int32_t step = dot->channels, odd = 2 * dot->zero_point + 1;
    /* Of the shifts of a pair, what asks for more than the commonest form. */
    volatile uint32_t special = odd == ODD_OF_RELU ? NOT_FAST : 0xFFFF;
    const int8_t *volatile windows = packed;
    int8_t *volatile output = y;

    AOT_MEMORY_WRITTEN;
    for (int32_t pairs = dot->pairs; pairs > 0; pairs--) {
        const int8_t *x = windows, *w = weights;
        int32_t x0, x1, both, first;
        const int32_t *biases = requant;
        requant = biases + 4; /* FINISH_PAIR reads from before it */
        int32_t a0 = biases[0], a1 = a0, a2 = a0, a3 = a0;
        int32_t b0 = both_biases(a0, biases[2]), b1 = b0, b2 = b0, b3 = b0;
        while (x != whole_end) {
            FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS
            FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS FOUR_TWO_TAPS
        }
        while (x != end) {
            FOUR_TWO_TAPS FOUR_TWO_TAPS
        }
        weights = w;
        const int8_t *now = shifts;
        uint32_t shift = load_half(now);
        shifts = now + 2;
#ifndef __clang__ /* it does not find the registers that there are */
        if (__builtin_expect((shift & special) == 0, 1)) {
            FINISH_PAIR(SCALE_POSITIVE);
        } else if ((shift & NOT_FAST) == 0) {
            FINISH_PAIR(SCALE_ANY);
        } else
#endif
        {
            int32_t sums[8] = {
                a0,
                a1,
                a2,
                a3,
                aot_second_sum(b0, a0, 0),
                aot_second_sum(b1, a1, 0),
                aot_second_sum(b2, a2, 0),
                aot_second_sum(b3, a3, 0),
            };
            output = aot_finish_pair_s8(dot, requant - 4, shifts - 2, sums, output);
        }
    }
    AOT_MEMORY_WRITTEN;
}

AOT_APART void dot_one(const aot_dot_t *dot, const int8_t *packed, int8_t *y)
{
    const int8_t *w0 = dot->weights, *shifts = dot->shift;
    const int32_t *bias = dot->bias, *multipliers = dot->multiplier;
    int32_t taps = dot->taps, step = dot->step, zero_point = dot->zero_point;
    int32_t left = dot->channels, pairs = dot->pairs;

    AOT_MEMORY_WRITTEN;
    for (;;) {
        const int8_t *x = packed, *w1 = pairs > 1 ? w0 + 2 * taps : w0;
        int32_t sums[4] = {0, 0, 0, 0};
        for (int32_t to_go = taps; to_go > 0;) {
            int32_t now = aot_smaller(to_go, AOT_MOST_TAPS);
            int32_t x0, x1, even, odd, a0 = 0, a1 = 0, b0 = 0, b1 = 0;
            const int8_t *end = x + 2 * (now & ~15);
            to_go -= now;
            while (x != end) {
                ONE_FOUR_TAPS_OF_TWO ONE_FOUR_TAPS_OF_TWO
                ONE_FOUR_TAPS_OF_TWO ONE_FOUR_TAPS_OF_TWO
            }
            end = x + 2 * (now & 15);
            while (x != end) {
                ONE_FOUR_TAPS_OF_TWO
            }
            sums[0] += a0;
            sums[1] += aot_second_sum(b0, a0, 0);
            sums[2] += a1;
            sums[3] += aot_second_sum(b1, a1, 0);
        }
        for (int32_t i = 0; i < 4; i++) {
            if (*shifts != AOT_NO_CHANNEL) {
                *y++ = aot_finish(sums[i] + *bias, *multipliers, *shifts, zero_point);
                if (--left == 0) {
                    return;
                }
            }
            bias += step;
            multipliers += 2 * (step - 1);
            shifts += step - 1;
        }
        pairs -= 2;
        w0 = w1;
    }
}

void aot_dot_packed_s8(const aot_dot_t *dot, const int8_t *packed, int32_t group, int8_t *y)
{
    if (group == 4) {
        dot->four(dot, packed, y);
    } else {
        dot_one(dot, packed, y);
    }
}
