/* The device side of the MLPerf Tiny benchmark's serial commands, so that its own runner can load
 * inputs and time inferences: `name`, `timestamp`, `profile`, `db load N`, `db HH..`, `db print`,
 * `infer N W`, `results`. A command ends with `%`; the answer ends with the line `m-ready`.
 *
 * Loaded bytes are the model's int8 input as it stands; results are dequantised. */
#ifndef MLFORGE_MLPERF_H
#define MLFORGE_MLPERF_H

#include <stdint.h>

/* Given by the application: an inference as it measures them itself, its status, and what the score
 * of the last was, where there is one. */
int mlperf_invoke(void);
uint64_t mlperf_score(void);

/* Says that commands are welcome. */
void mlperf_start(void);

/* Takes one byte that belongs to no frame; a whole command is answered before this returns. */
void mlperf_feed(uint8_t byte);

#endif
