/* What an engine provides to the application. One model per image. */
#ifndef MLFORGE_MODEL_H
#define MLFORGE_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" { /* an engine may be C++ */
#endif

int model_init(void);               /* 0 on success */
int8_t *model_input(void);          /* MODEL_INPUT_BYTES bytes */
const int8_t *model_output(void);   /* MODEL_OUTPUT_BYTES bytes, valid after model_invoke */
int model_invoke(void);             /* 0 on success; may overwrite the input */
uint32_t model_arena_bytes(void);   /* working memory used */

#ifdef __cplusplus
}
#endif

#endif
