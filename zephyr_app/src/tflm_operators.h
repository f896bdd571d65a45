/* The op resolver of engine `tflm`: which operators a model uses is a table in C, generated for it;
 * what an operator is stands in tflm_runtime.cc, which no model changes. */
#ifndef TFLM_OPERATORS_H
#define TFLM_OPERATORS_H

#include <stddef.h>

/* Where the interpreter keeps an operator's functions: as large as TFLMRegistration. */
struct tflm_registration {
    void *members[8];
};

struct tflm_operator;

#endif
