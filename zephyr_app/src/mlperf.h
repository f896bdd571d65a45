/* The device side of the MLPerf Tiny benchmark's serial commands, so that its own runner can load
 * inputs and time inferences: `name`, `timestamp`, `profile`, `db load N`, `db HH..`, `db print`,
 * `infer N W`, `results`. A command ends with `%`; the answer ends with the line `m-ready`.
 *
 * What loaded bytes are to the model, `mlperf_values.h` says; results are dequantised. */
#ifndef MLFORGE_MLPERF_H
#define MLFORGE_MLPERF_H

#include <stdint.h>

/* Says that the device has started. It does not say that it is ready: a runner that has the port
 * open while the device boots would take that for the answer to its first command, and each answer
 * for that to the command after. */
void mlperf_start(void);

/* Takes one byte that belongs to no frame; a whole command is answered before this returns. */
void mlperf_feed(uint8_t byte);

#endif
