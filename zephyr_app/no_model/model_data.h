/* What the application asks of a model's header, for an image without a model. */
#ifndef MLFORGE_MODEL_DATA_H
#define MLFORGE_MODEL_DATA_H

#define MODEL_DIGEST "none"
#define MODEL_NAME "none"
#define MODEL_INPUT_BYTES 1
#define MODEL_INPUT_SCALE 1.0f
#define MODEL_INPUT_ZERO_POINT 0
#define MODEL_OUTPUT_BYTES 1
#define MODEL_OUTPUT_SCALE 1.0f
#define MODEL_OUTPUT_ZERO_POINT 0
#define MODEL_FEATURE_COUNT 1
static const float model_input_mean[] = {0.0f};
static const float model_input_norm_scale[] = {1.0f};

#endif
