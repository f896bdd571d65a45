/* Inner products of int8 windows with all output channels of a layer, two taps an instruction
 * (SMLAD), for cores with the DSP extension.
 *
 * Activations are packed: widened to 16 bits, with the taps of a group of four in the order
 * 0, 2, 1, 3, which is what SXTB16 makes of a word. Four windows lie interleaved, a word of each in
 * turn. A word of weights holds two taps of two channels, tap t as the 16-bit sum c0[t] + 256 c1[t].
 * SXTB16 of it gives the first channel's, and the products with the word itself add up to
 * c0 x + 256 c1 x, of which the second channel's sum is left without any work on its weights.
 * Where c1 is -128 and c0 negative the sum leaves 16 bits, and the first channel stays alone.
 */
#ifndef AOT_DOT_S8_H
#define AOT_DOT_S8_H

#include "aot_math.h"

#define AOT_NO_CHANNEL (-128)

/* bias, multiplier, shift
 *            the first channel's (aot_math.h)
 * step       from a bias or multiplier to the next: 2; or 1 where there are only biases, as all
 *            channels have one multiplier and shift of the fast form (single windows only)
 * weights    [pair][tap / 4][even or odd taps][2 taps], 16 bits each
 * channels   bytes from an output to that of the next window
 * pairs      of channels; one without a second has AOT_NO_CHANNEL for its shift
 * runs, run    a window is `runs` contiguous runs of `run` bytes
 * taps       of a packed window: those that fill fours, run by run, then the one to three of each
 *            run that do not, then as many to a multiple of four that have no weight
 * places     how many words and how many fours of single taps a window has, and where each word and
 *            each tap lies from its start; fours that are not full name any tap of the window
 * near       aot_pack_places_s8 where there are places
 * four       all output channels of four packed windows; NULL where there is one
 */
typedef struct aot_dot {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
    int32_t step;
    int32_t channels, pairs;
    int32_t zero_point;
    int32_t runs, run, taps;
    const int16_t *places;
    void (*near)(const struct aot_dot *dot, const int8_t *x, int32_t step, int32_t count,
                 int8_t *packed);
    void (*four)(const struct aot_dot *dot, const int8_t *packed, int8_t *y);
} aot_dot_t;

/* All output channels of four packed windows, where the second channels' sums keep 24 bits. */
void aot_dot_four_s8(const aot_dot_t *dot, const int8_t *packed, int8_t *y);

/* Packs a window whose runs lie `step` bytes apart as number `slot` of a group of 4, or of 1.
 * packed: 2 * taps bytes for each window of the group, aligned to 4.
 */
void aot_pack_s8(const aot_dot_t *dot, const int8_t *x, int32_t step, int8_t *packed, int32_t slot,
                 int32_t group);

/* Packs up to four windows, `step` bytes apart, by `places`, as the first of a group of 4; the rest
 * of the group is the last of them, and yet to be packed.
 */
void aot_pack_places_s8(const aot_dot_t *dot, const int8_t *x, int32_t step, int32_t count,
                        int8_t *packed);

/* All output channels of a group of packed windows, y[window][channel]. */
void aot_dot_packed_s8(const aot_dot_t *dot, const int8_t *packed, int32_t group, int8_t *y);

/* How many of some windows make a group. */
AOT_INLINE int32_t aot_group_s8(const aot_dot_t *dot, int32_t windows)
{
    (void)dot;
    return windows >= 4 ? 4 : 1;
}

#endif
