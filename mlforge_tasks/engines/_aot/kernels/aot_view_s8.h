/* Copies that leave elements out or change their order: slices, transposition, splits. */
#ifndef AOT_VIEW_S8_H
#define AOT_VIEW_S8_H

#include "aot_math.h"

#define AOT_VIEW_AXES 5

/* An axis of the output: its size, and how far apart its neighbours lie in the input. */
typedef struct {
    int32_t size, step;
} aot_view_axis_t;

/* input is where the output's first element lies. */
void aot_view_s8(const aot_view_axis_t axes[AOT_VIEW_AXES], const int8_t *input, int8_t *output);

/* Copies count runs that start step bytes apart, one behind the other. */
void aot_take_runs_s8(int32_t count, int32_t run, int32_t step, const int8_t *input,
                      int8_t *output);

#endif
