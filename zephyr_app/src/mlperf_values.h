/* What the MLPerf Tiny benchmark sends and what it wants told, against the model's int8 values.
 *
 * An image is built for one kind of input:
 *   MLPERF_INPUT_UINT8    the image tasks (ic01, vww01): a byte for each value, 0 to 255
 *   MLPERF_INPUT_FLOAT32  the anomaly task (ad01): four bytes for each, little-endian IEEE 754
 *   neither               int8 as the model takes it (kws01)
 * The first two are raw readings: they are normalised and quantised here, as the model's header
 * says. For a network on raw pixels, or on pixels / 255, that takes 128 off. */
#ifndef MLFORGE_MLPERF_VALUES_H
#define MLFORGE_MLPERF_VALUES_H

#include <stdint.h>

#include "model_data.h"

#ifdef MLPERF_INPUT_FLOAT32
#define MLPERF_VALUE_BYTES 4u
#else
#define MLPERF_VALUE_BYTES 1u
#endif
#define MLPERF_LOADED_BYTES (MODEL_INPUT_BYTES * MLPERF_VALUE_BYTES)

/* As it came; unsigned bytes become the model's when `mlperf_prepare` runs. */
extern uint8_t mlperf_loaded[MLPERF_LOADED_BYTES];

/* Makes the model's input of what was loaded since the last call. */
void mlperf_prepare(void);
const int8_t *mlperf_input(void);

/* The i-th output as a real number. */
float mlperf_output(uint32_t i);

#ifdef MODEL_IS_ANOMALY
/* The mean squared error of the last inference. Of MLPERF_INPUT_FLOAT32 between what was sent and
 * what the model makes of it, in the unit of the readings; else that of the normalised input. */
float mlperf_error(void);
#endif

#endif
