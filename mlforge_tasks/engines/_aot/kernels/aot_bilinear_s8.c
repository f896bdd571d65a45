#include "aot_bilinear_s8.h"

#define UNIT 1024
#define HALF (UNIT * UNIT / 2)

/* All channels of a pixel; a weighted sum of four bytes takes 28 bits. */
static void blend(const aot_between_t *row, const aot_between_t *column, const int8_t *x,
                  int32_t channels, int8_t *y)
{
    const int8_t *below = x + row->second;
    int32_t right = column->second;
    int32_t low_right = row->share * column->share;
    int32_t low_left = row->share * UNIT - low_right;
    int32_t top_right = column->share * UNIT - low_right;
    int32_t top_left = UNIT * UNIT - row->share * UNIT - top_right;

    for (int32_t c = 0; c < channels; c++) {
        int32_t sum = x[c] * top_left + x[c + right] * top_right + below[c] * low_left +
                      below[c + right] * low_right;
        /* Rounded half away from zero. */
        y[c] = (int8_t)((sum + HALF - (sum < 0)) >> 20);
    }
}

void aot_bilinear_s8(const aot_bilinear_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t i = 0; i < layer->height; i++) {
        const aot_between_t *row = &layer->rows[i];
        for (int32_t j = 0; j < layer->width; j++) {
            const aot_between_t *column = &layer->columns[j];
            blend(row, column, input + row->first + column->first, layer->channels, output);
            output += layer->channels;
        }
    }
}
