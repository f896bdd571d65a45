// TensorFlow Lite Micro around a model's table of operators. Compiled once, as tflm_runtime.cc.
#include <cstddef>
#include <cstdint>
#include <new>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tflm_runtime.h"

extern "C" {
extern const struct tflm_operator *const model_operators[];
extern const size_t model_operator_count;
extern struct tflm_registration model_registrations[];

// What is generated for a model of several inputs or outputs has these three itself.
#define OF_ONE __attribute__((weak))

int model_start(const void *model, uint8_t *tensor_arena, size_t arena_size);
int8_t *model_tensor_in(size_t index);
const int8_t *model_tensor_out(size_t index);
int model_interpret(void);
int8_t *model_input(void) OF_ONE;
const int8_t *model_output(void) OF_ONE;
int model_invoke(void) OF_ONE;
uint32_t model_arena_bytes(void);
}

namespace {

static_assert(sizeof(TFLMRegistration) <= sizeof(tflm_registration), "tflm_operators.h");
static_assert(alignof(TFLMRegistration) <= alignof(tflm_registration), "tflm_operators.h");

TFLMRegistration *Registration(size_t index) {
  return reinterpret_cast<TFLMRegistration *>(&model_registrations[index]);
}

class OpResolver final : public tflite::MicroOpResolver {
 public:
  OpResolver() {
    for (size_t i = 0; i < model_operator_count; i++) {
      auto *one = new (Registration(i)) TFLMRegistration(model_operators[i]->registration());
      one->builtin_code = model_operators[i]->code;
    }
  }

  const TFLMRegistration *FindOp(tflite::BuiltinOperator code) const override {
    const size_t i = Index(code);
    return i < model_operator_count ? Registration(i) : nullptr;
  }

  // The one custom operator that a table may have is an accelerator's, `ethos-u`.
  const TFLMRegistration *FindOp(const char *) const override {
    return FindOp(tflite::BuiltinOperator_CUSTOM);
  }

  tflite::TfLiteBridgeBuiltinParseFunction GetOpDataParser(
      tflite::BuiltinOperator code) const override {
    const size_t i = Index(code);
    return i < model_operator_count ? model_operators[i]->parse : nullptr;
  }

 private:
  static size_t Index(tflite::BuiltinOperator code) {
    size_t i = 0;
    while (i < model_operator_count && model_operators[i]->code != code) {
      i++;
    }
    return i;
  }
};

// Built in place: nothing runs before main(), and a later start replaces an earlier one.
alignas(OpResolver) uint8_t op_resolver_memory[sizeof(OpResolver)];
alignas(tflite::MicroInterpreter) uint8_t interpreter_memory[sizeof(tflite::MicroInterpreter)];
tflite::MicroInterpreter *interpreter;

}  // namespace

// 0 on success; where the arena is too small, another start may follow.
int model_start(const void *model, uint8_t *tensor_arena, size_t arena_size) {
  interpreter = new (interpreter_memory) tflite::MicroInterpreter(
      tflite::GetModel(model), *new (op_resolver_memory) OpResolver, tensor_arena, arena_size);
  return interpreter->initialization_status() == kTfLiteOk &&
                 interpreter->AllocateTensors() == kTfLiteOk
             ? 0
             : 1;
}

int8_t *model_tensor_in(size_t index) { return interpreter->input(index)->data.int8; }

const int8_t *model_tensor_out(size_t index) { return interpreter->output(index)->data.int8; }

int model_interpret(void) { return interpreter->Invoke() == kTfLiteOk ? 0 : 1; }

int8_t *model_input(void) { return interpreter->input(0)->data.int8; }

const int8_t *model_output(void) { return interpreter->output(0)->data.int8; }

int model_invoke(void) { return interpreter->Invoke() == kTfLiteOk ? 0 : 1; }

uint32_t model_arena_bytes(void) { return interpreter->arena_used_bytes(); }
