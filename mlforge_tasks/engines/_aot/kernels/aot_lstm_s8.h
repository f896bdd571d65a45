/* UNIDIRECTIONAL_SEQUENCE_LSTM of int8 values with int16 cells. */
#ifndef AOT_LSTM_S8_H
#define AOT_LSTM_S8_H

#include "aot_map_s16.h"

/* Input, forget and output gate, which are logistic, and the cell's, a tanh. */
#define AOT_LSTM_GATES 4

/* What a gate is given is in 1/4096, what it gives in 1/32768.
 *
 * weights     of the input, [unit][input][gate]; what is recurrent is of the units' own outputs,
 *             [unit][unit][gate]
 * bias        [unit][gate], zero points folded in
 * forget      from a gate's output times a cell to a cell; update: from two gates' outputs to a
 *             cell; finish: from two such outputs to an output
 * clip        of cells; 32768 where they have the whole of their type
 * zero_point  of outputs
 */
typedef struct {
    const int8_t *weights, *recurrent_weights;
    const int32_t *bias, *recurrent_bias;
    aot_scale_t scale[AOT_LSTM_GATES], recurrent_scale[AOT_LSTM_GATES];
    aot_scale_t forget, update, finish;
    aot_sigmoid_s16_t logistic, tanh, cell_tanh;
    int32_t steps, inputs, units, clip, zero_point;
} aot_lstm_s8_t;

/* hidden and cells are what the last step has left, which this one's takes its place; scratch has
 * room for 8 bytes a unit.
 */
void aot_lstm_s8(const aot_lstm_s8_t *layer, const int8_t *input, int8_t *output, int8_t *hidden,
                 int16_t *cells, void *scratch);

#endif
