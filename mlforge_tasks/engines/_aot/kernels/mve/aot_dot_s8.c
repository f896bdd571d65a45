#include "aot_dot_s8.h"

#include "aot_mve.h"

/* Inner products of four windows with two channels, in all of MVE's accumulators, the even
 * registers. One statement with fixed registers, because GCC moves the accumulators about if it
 * may; and it does not give away r7, so that is kept in s12 meanwhile.
 */
#define LOAD_AND(op, x, acc0, acc1)                                                                \
    "vldrb.8 q2, [" #x "], #16\n\t" #op " " #acc0 ", q0, q2\n\t" #op " " #acc1 ", q1, q2\n\t"
#define SIXTEEN_TAPS(op)                                                                           \
    "vldrb.8 q0, [r11], #16\n\t"                                                                   \
    "vldrb.8 q1, [r11], #16\n\t" LOAD_AND(op, r1, r0, r2) LOAD_AND(op, r3, r4, r6)                 \
        LOAD_AND(op, r5, r8, r10) LOAD_AND(op, r9, r12, lr)

AOT_INLINE void four_by_two(const int8_t *w, int32_t bytes, const int8_t *x, int32_t pitch,
                            int32x4_t *sums0, int32x4_t *sums1)
{
    register const int8_t *x0 __asm__("r1") = x;
    register const int8_t *x1 __asm__("r3") = x + pitch;
    register const int8_t *x2 __asm__("r5") = x + 2 * pitch;
    register const int8_t *x3 __asm__("r9") = x + 3 * pitch;
    register const int8_t *weights __asm__("r11") = w;
    register int32x4_t result0 __asm__("q0");
    register int32x4_t result1 __asm__("q1");
    const int8_t *end = w + 2 * bytes;
    __asm__ volatile("vmov s12, r7\n\t"
                     "vmov r7, %[end]\n\t" SIXTEEN_TAPS(vmladav.s8) "b 2f\n"
                     "1:\n\t" SIXTEEN_TAPS(vmladava.s8) "2:\n\t"
                     "cmp r11, r7\n\t"
                     "bne 1b\n\t"
                     "vmov r7, s12\n\t"
                     "vmov q0[2], q0[0], r0, r8\n\t"
                     "vmov q0[3], q0[1], r4, r12\n\t"
                     "vmov q1[2], q1[0], r2, r10\n\t"
                     "vmov q1[3], q1[1], r6, lr"
                     : "=w"(result0), "=w"(result1), "+r"(weights), "+r"(x0), "+r"(x1), "+r"(x2),
                       "+r"(x3)
                     : [end] "t"(end)
                     : "q2", "s12", "r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr", "cc",
                       "memory");
    *sums0 = result0;
    *sums1 = result1;
}

/* Some of four outputs in whatever form their channels have: one channel's, of four windows (next
 * is 0), or those of as many channels as there are.
 */
static void finish_slowly(const aot_dot_t *dot, int32_t c, int32_t next, int32x4_t sums,
                          int32_t step, int8_t *y)
{
    int32_t each[4];
    vst1q_s32(each, sums);
    for (int32_t i = 0; i < 4 && c < dot->channels; i++) {
        const int32_t *requant = dot->bias + 2 * c;
        *y = aot_finish(each[i] + requant[0], requant[1], dot->shift[c], dot->zero_point);
        y += step;
        c += next;
    }
}

AOT_INLINE int32x4_t scaled(int32x4_t sums, int32_t bias, int32_t multiplier, int32_t shift)
{
    return aot_scale_fast_x4(vaddq_n_s32(sums, bias), multiplier, shift);
}

/* places: where window 0 channel 0, window 0 channel 1, window 1 channel 0, ... go. */
AOT_INLINE void finish_four(const int32_t *requant, const int8_t *shift, int32x4_t sums0,
                            int32x4_t sums1, int32_t zero_point, int8_t *y, uint16x8_t places)
{
    sums0 = scaled(sums0, requant[0], requant[1], shift[0]);
    sums1 = scaled(sums1, requant[2], requant[3], shift[1]);
    vstrbq_scatter_offset_s16(y, places, aot_narrow(sums0, sums1, zero_point));
}

AOT_APART void dot_fours(const aot_dot_t *dot, const int8_t *x, int32_t pitch, int32_t windows,
                         int8_t *y)
{
    int32_t bytes = aot_packed_bytes(dot), channels = dot->channels;
    int32_t whole = dot->fast ? channels & ~1 : 0; /* channels that are finished as vectors */
    const int8_t *w = dot->weights;
    uint16x8_t lane = vidupq_n_u16(0, 1);
    uint16x8_t odd = vandq_u16(lane, vdupq_n_u16(1));
    uint16x8_t places = vmlaq_n_u16(odd, vshrq_n_u16(lane, 1), (uint16_t)channels);

    for (int32_t c = 0; c < channels; c += 2) {
        const int8_t *from = x;
        int8_t *to = y + c;
        for (int32_t p = windows; p > 0; p -= 4) {
            int32x4_t sums0, sums1;
            four_by_two(w, bytes, from, pitch, &sums0, &sums1);
            if (c < whole) {
                finish_four(dot->bias + 2 * c, dot->shift + c, sums0, sums1, dot->zero_point, to,
                            places);
            } else {
                finish_slowly(dot, c, 0, sums0, channels, to);
                finish_slowly(dot, c + 1, 0, sums1, channels, to + 1);
            }
            from += 4 * pitch;
            to += 4 * channels;
        }
        w += 2 * bytes;
    }
}

/* Four windows of `vectors` vectors, which is a constant, one behind the other. */
AOT_INLINE int32x4_t four_narrow(const int8x16_t *w, int32_t vectors, const int8_t **x)
{
    const int8_t *from = *x;
    int32_t sums[4];
    AOT_UNROLL
    for (int32_t p = 0; p < 4; p++) {
        int32_t sum = 0;
        AOT_UNROLL
        for (int32_t i = 0; i < vectors; i++) {
            int8x16_t value;
            AOT_LOAD_NEXT(value, from);
            if (i == 0) {
                AOT_VMLADAV(sum, w[i], value);
            } else {
                AOT_VMLADAVA(sum, w[i], value);
            }
        }
        sums[p] = sum;
    }
    *x = from;
    return aot_vector(sums[0], sums[1], sums[2], sums[3]);
}

/* At least eight narrow windows that lie one behind the other: a channel's weights stay in
 * registers. The last eight may overlap those before.
 */
AOT_INLINE void dot_narrow(const aot_dot_t *dot, int32_t vectors, const int8_t *x, int32_t windows,
                           int8_t *y)
{
    int32_t channels = dot->channels, zero_point = dot->zero_point;
    int32_t over = -windows & 7, step = 8 * channels;
    const int8_t *last = x + (windows - 8) * 16 * vectors, *end = last + 8 * 16 * vectors;
    const int8_t *weights = dot->weights, *shift = dot->shift;
    const int32_t *requant = dot->bias;
    int32_t next = 16; /* bytes to the other channel's weights, and then to the next two's */
    uint16x8_t lane = vidupq_n_u16(0, 1);
    uint16x8_t odd = vandq_u16(lane, vdupq_n_u16(1));
    uint16x8_t places = vmlaq_n_u16(vshrq_n_u16(lane, 1), odd, 4);
    places = vmulq_n_u16(places, (uint16_t)channels);

    for (int8_t *stop = y + channels; y != stop; y++) {
        int32_t bias = requant[0], multiplier = requant[1], by = *shift++;
        int8x16_t w[4];
        AOT_UNROLL
        for (int32_t i = 0; i < vectors; i++) {
            w[i] = vldrbq_s8(weights + 32 * i);
        }
        const int8_t *from = x;
        int8_t *to = y;
        for (;;) {
            int32x4_t sums0 = four_narrow(w, vectors, &from);
            int32x4_t sums1 = four_narrow(w, vectors, &from);
            sums0 = scaled(sums0, bias, multiplier, by);
            sums1 = scaled(sums1, bias, multiplier, by);
            vstrbq_scatter_offset_s16(to, places, aot_narrow(sums0, sums1, zero_point));
            if (from == end) {
                break;
            }
            to += step;
            if (from > last) {
                from = last;
                to -= over * channels;
            }
        }
        requant += 2;
        weights += next;
        next = 32 * vectors - next;
    }
}

/* One function for each number of vectors that a narrow window takes. */
#define DOT_NARROW(vectors)                                                                        \
    AOT_APART void dot_narrow_##vectors(const aot_dot_t *dot, const int8_t *x, int32_t windows,    \
                                        int8_t *y)                                                 \
    {                                                                                              \
        dot_narrow(dot, vectors, x, windows, y);                                                   \
    }
DOT_NARROW(1)
DOT_NARROW(2)
DOT_NARROW(3)
DOT_NARROW(4)

/* Inner products of one window with four channels, two pairs of `bytes` to a channel. */
#define AND_FOUR(op)                                                                               \
    "vldrb.8 q0, [%[x]], #16\n\t"                                                                  \
    "vldrb.8 q1, [%[w0]], #16\n\t" op " %[sum0], q0, q1\n\t"                                      \
    "vldrb.8 q1, [%[w0]], #16\n\t" op " %[sum1], q0, q1\n\t"                                      \
    "vldrb.8 q1, [%[w1]], #16\n\t" op " %[sum2], q0, q1\n\t"                                      \
    "vldrb.8 q1, [%[w1]], #16\n\t" op " %[sum3], q0, q1\n\t"

AOT_INLINE int32x4_t one_by_four(const int8_t *w0, const int8_t *w1, const int8_t *x,
                                 int32_t vectors)
{
    int32_t sum0, sum1, sum2, sum3;
    __asm__ volatile(AND_FOUR("vmladav.s8")
                     "wls lr, %[left], 2f\n"
                     "1:\n\t" AND_FOUR("vmladava.s8")
                     "le lr, 1b\n"
                     "2:"
                     : [x] "+r"(x), [w0] "+r"(w0), [w1] "+r"(w1), [sum0] "=&Te"(sum0),
                       [sum1] "=&Te"(sum1), [sum2] "=&Te"(sum2), [sum3] "=&Te"(sum3)
                     : [left] "r"(vectors - 1)
                     : "q0", "q1", "lr", "memory");
    return aot_vector(sum0, sum1, sum2, sum3);
}

/* The first of four values that there are. A mask and an access, where GCC would carry the mask to
 * a core register and back; clang does not, and has no name for the mask's register.
 */
#ifdef __clang__
AOT_INLINE int32x4_t load_left(const int32_t *from, int32_t left)
{
    return vldrwq_z_s32(from, vctp32q((uint32_t)left));
}
#else
#define WHERE_LEFT "vctp.32 %[left]\n\tvpst\n\t"
AOT_INLINE int32x4_t load_left(const int32_t *from, int32_t left)
{
    int32x4_t values;
    mve_pred16_t mask;
    __asm__ volatile(WHERE_LEFT "vldrwt.u32 %q[values], [%[from]]"
                     : [values] "=w"(values), [mask] "=Up"(mask)
                     : [from] "r"(from), [left] "r"(left)
                     : "memory");
    return values;
}
#endif

/* Where every channel has its own multiplier and shift. VQRDMLAH takes but one, so the sign is
 * added after the multiplication.
 */
AOT_INLINE int32x4_t scaled_each(const aot_dot_t *dot, int32_t c, int32x4_t sums)
{
    mve_pred16_t some = vctp32q((uint32_t)(dot->channels - c));
    uint32x4_t pair = vidupq_n_u32(0, 2);
    const int32_t *bias = dot->bias + 2 * c;
    sums = vaddq_s32(sums, vldrwq_gather_shifted_offset_z_s32(bias, pair, some));
    int32x4_t sign = vshrq_n_s32(sums, 31);
    int32x4_t multipliers = vldrwq_gather_shifted_offset_z_s32(bias + 1, pair, some);
    int32x4_t shifts = vldrbq_z_s32(dot->shift + c, some);
    return vrshlq_s32(vaddq_s32(vqrdmulhq_s32(sums, multipliers), sign), vnegq_s32(shifts));
}

AOT_INLINE void store_left(int32x4_t scaled, int32_t zero_point, int32_t left, int8_t *y)
{
    scaled = vaddq_n_s32(scaled, zero_point);
#ifdef __clang__
    scaled = (int32x4_t)vqmovnbq_s32((int16x8_t)scaled, scaled);
    scaled = (int32x4_t)vqmovnbq_s16((int8x16_t)scaled, (int16x8_t)scaled);
    vstrbq_p_s32(y, scaled, vctp32q((uint32_t)left));
#else
    mve_pred16_t mask;
    __asm__ volatile("vqmovnb.s32 %q[scaled], %q[scaled]\n\t"
                     "vqmovnb.s16 %q[scaled], %q[scaled]\n\t" WHERE_LEFT
                     "vstrbt.32 %q[scaled], [%[y]]"
                     : [scaled] "+w"(scaled), [mask] "=Up"(mask)
                     : [y] "r"(y), [left] "r"(left)
                     : "memory");
#endif
}

AOT_APART void dot_single(const aot_dot_t *dot, const int8_t *x, int8_t *y)
{
    const int8_t *w = dot->weights;
    int32_t bytes = aot_packed_bytes(dot), channels = dot->channels, step = dot->step;
    int32_t zero_point = dot->zero_point, multiplier = *dot->multiplier, shift = *dot->shift;

    for (int32_t c = 0; c < channels; c += 4) {
        int32_t left = channels - c;
        const int8_t *next = left > 2 ? w + 2 * bytes : w;
        int32x4_t sums = one_by_four(w, next, x, bytes / 16);
        w = next + 2 * bytes;
        if (step == 1) {
            sums = vaddq_s32(sums, load_left(dot->bias + c, left));
            sums = aot_scale_fast_x4(sums, multiplier, shift);
        } else if (dot->fast) {
            sums = scaled_each(dot, c, sums);
        } else {
            finish_slowly(dot, c, 1, sums, 1, y + c);
            continue;
        }
        store_left(sums, zero_point, left, y + c);
    }
}

void aot_dot_s8(const aot_dot_t *dot, const int8_t *x, int32_t pitch, int32_t windows, int8_t *y)
{
    int32_t fours = windows & ~3, vectors = aot_packed_bytes(dot) / 16;

    AOT_MEMORY_WRITTEN;
    if (dot->fast && windows >= 8 && vectors <= 4 && pitch == 16 * vectors) {
        switch (vectors) {
        case 1:
            dot_narrow_1(dot, x, windows, y);
            break;
        case 2:
            dot_narrow_2(dot, x, windows, y);
            break;
        case 3:
            dot_narrow_3(dot, x, windows, y);
            break;
        default:
            dot_narrow_4(dot, x, windows, y);
        }
        return;
    }
    if (fours > 0) {
        dot_fours(dot, x, pitch, fours, y);
    }
    for (int32_t p = fours; p < windows; p++) {
        dot_single(dot, x + p * pitch, y + p * dot->channels);
    }
}

void aot_pack_s8(const aot_dot_t *dot, const int8_t *x, int32_t step, int8_t *packed, int32_t slot,
                 int32_t group)
{
    int8_t *to = packed + slot * aot_packed_bytes(dot);

    int32_t runs = dot->runs, run = dot->run;

    (void)group;
    if (step == run) { /* neighbours */
        run *= runs;
        runs = 1;
    }
    for (; runs > 0; runs--) {
        const int8_t *from = x;
        int32_t left = run;
        for (; left >= 16; left -= 16) {
            vst1q_s8(to, vld1q_s8(from));
            from += 16;
            to += 16;
        }
        if (left > 0) {
            mve_pred16_t some = vctp8q((uint32_t)left);
            vst1q_p_s8(to, vld1q_z_s8(from, some), some);
            to += left;
        }
        x += step;
    }
}
