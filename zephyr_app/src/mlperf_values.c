#include "mlperf_values.h"

#include <string.h>

#include "model.h"

_Alignas(4) uint8_t mlperf_loaded[MLPERF_LOADED_BYTES];

#if defined(MLPERF_INPUT_UINT8) || defined(MLPERF_INPUT_FLOAT32)
/* To the nearest whole number, half away from zero, as the benchmark's own code does; without the C
 * library's, which not every image has. What is no number becomes the least. */
static int8_t quantised(float raw, uint32_t i)
{
    uint32_t feature = i % MODEL_FEATURE_COUNT;
    float normalised = (raw - model_input_mean[feature]) / model_input_norm_scale[feature];
    float steps = normalised / MODEL_INPUT_SCALE;
    if (!(steps > -1e3f)) {
        return INT8_MIN;
    }
    if (steps > 1e3f) {
        return INT8_MAX;
    }
    int32_t whole = (int32_t)steps;
    float rest = steps - (float)whole;
    whole += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
    whole += MODEL_INPUT_ZERO_POINT;
    return (int8_t)(whole < INT8_MIN ? INT8_MIN : whole > INT8_MAX ? INT8_MAX : whole);
}
#endif

#ifdef MLPERF_INPUT_FLOAT32
static int8_t prepared[MODEL_INPUT_BYTES];

static float loaded(uint32_t i)
{
    float value;
    memcpy(&value, mlperf_loaded + 4u * i, sizeof value);
    return value;
}

void mlperf_prepare(void)
{
    for (uint32_t i = 0; i < MODEL_INPUT_BYTES; i++) {
        prepared[i] = quantised(loaded(i), i);
    }
}

const int8_t *mlperf_input(void)
{
    return prepared;
}
#else
void mlperf_prepare(void)
{
#ifdef MLPERF_INPUT_UINT8
    for (uint32_t i = 0; i < MODEL_INPUT_BYTES; i++) {
        mlperf_loaded[i] = (uint8_t)quantised((float)mlperf_loaded[i], i);
    }
#endif
}

const int8_t *mlperf_input(void)
{
    return (const int8_t *)mlperf_loaded;
}
#endif

float mlperf_output(uint32_t i)
{
    return ((float)model_output()[i] - (float)MODEL_OUTPUT_ZERO_POINT) * MODEL_OUTPUT_SCALE;
}

#if defined(MODEL_IS_ANOMALY) && defined(MLPERF_INPUT_FLOAT32) && !defined(MODEL_CENTROIDS)
float mlperf_error(void)
{
    float sum = 0;
    for (uint32_t i = 0; i < MODEL_OUTPUT_BYTES; i++) {
        uint32_t feature = i % MODEL_FEATURE_COUNT;
        float apart = mlperf_output(i) * model_input_norm_scale[feature] +
                      model_input_mean[feature] - loaded(i);
        sum += apart * apart;
    }
    return sum / (float)MODEL_OUTPUT_BYTES;
}
#elif defined(MODEL_IS_ANOMALY)
/* A conversion of 64 bits would bring double precision into the image. */
float mlperf_error(void)
{
    uint64_t score = model_score(mlperf_input(), model_output()); /* below 2^48 */
    float high = (float)(uint32_t)(score >> 16) * 65536.0f;
    return (high + (float)(uint32_t)(score & 0xffffu)) * MODEL_SCORE_UNIT;
}
#endif
