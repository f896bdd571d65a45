/* What each layer takes: only in an image of its own (MLFORGE_PROFILE), so that the one that is
 * measured and delivered is the same with and without it. */
#ifndef MLFORGE_PROFILE_H
#define MLFORGE_PROFILE_H

#include <stdint.h>

#define LAYER_DONE(index) profile_layer(index)

/* Runs the model once and sends, within a frame, a field for what it does not take to ask, and one
 * for each layer. The input has to be filled. */
void profile_model(void);

/* Called by the generated code after each layer. */
void profile_layer(uint32_t index);

#endif
