// TensorFlow Lite Micro around a model's table of operators. Compiled once: its headers take longer
// than everything that another model changes.
#include <cstddef>
#include <cstdint>
#include <new>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

extern "C" {
#include "tflm_operators.h"

struct tflm_operator {
  tflite::BuiltinOperator code;
  TFLMRegistration (*registration)();
  tflite::TfLiteBridgeBuiltinParseFunction parse;
};

extern const struct tflm_operator *const model_operators[];
extern const size_t model_operator_count;
extern struct tflm_registration model_registrations[];

int model_start(const void *model, uint8_t *tensor_arena, size_t arena_size);
int8_t *model_input(void);
const int8_t *model_output(void);
int model_invoke(void);
uint32_t model_arena_bytes(void);
}

// A table names some of these; the linker leaves the others out, and their kernels.
#define OPERATOR(name, registration, parse)                                    \
  extern "C" {                                                                 \
  extern const tflm_operator tflm_##name;                                      \
  const tflm_operator tflm_##name = {tflite::BuiltinOperator_##name,           \
                                     tflite::registration, tflite::parse};     \
  }

OPERATOR(ABS, Register_ABS, ParseAbs)
OPERATOR(ADD, Register_ADD_INT8, ParseAdd)
OPERATOR(AVERAGE_POOL_2D, Register_AVERAGE_POOL_2D_INT8, ParsePool)
OPERATOR(BATCH_TO_SPACE_ND, Register_BATCH_TO_SPACE_ND, ParseBatchToSpaceNd)
OPERATOR(CEIL, Register_CEIL, ParseCeil)
OPERATOR(CONCATENATION, Register_CONCATENATION, ParseConcatenation)
OPERATOR(CONV_2D, Register_CONV_2D_INT8, ParseConv2D)
OPERATOR(DEPTHWISE_CONV_2D, Register_DEPTHWISE_CONV_2D_INT8, ParseDepthwiseConv2D)
OPERATOR(DEQUANTIZE, Register_DEQUANTIZE, ParseDequantize)
OPERATOR(DIV, Register_DIV, ParseDiv)
OPERATOR(ELU, Register_ELU, ParseElu)
OPERATOR(EQUAL, Register_EQUAL, ParseEqual)
OPERATOR(EXPAND_DIMS, Register_EXPAND_DIMS, ParseExpandDims)
OPERATOR(FLOOR, Register_FLOOR, ParseFloor)
OPERATOR(FULLY_CONNECTED, Register_FULLY_CONNECTED_INT8, ParseFullyConnected)
OPERATOR(GREATER, Register_GREATER, ParseGreater)
OPERATOR(GREATER_EQUAL, Register_GREATER_EQUAL, ParseGreaterEqual)
OPERATOR(HARD_SWISH, Register_HARD_SWISH, ParseHardSwish)
OPERATOR(L2_NORMALIZATION, Register_L2_NORMALIZATION, ParseL2Normalization)
OPERATOR(LEAKY_RELU, Register_LEAKY_RELU, ParseLeakyRelu)
OPERATOR(LESS, Register_LESS, ParseLess)
OPERATOR(LESS_EQUAL, Register_LESS_EQUAL, ParseLessEqual)
OPERATOR(LOGISTIC, Register_LOGISTIC, ParseLogistic)
OPERATOR(MAXIMUM, Register_MAXIMUM_INT8, ParseMaximum)
OPERATOR(MAX_POOL_2D, Register_MAX_POOL_2D_INT8, ParsePool)
OPERATOR(MEAN, Register_MEAN, ParseReducer)
OPERATOR(MINIMUM, Register_MINIMUM_INT8, ParseMinimum)
OPERATOR(MUL, Register_MUL_INT8, ParseMul)
OPERATOR(NEG, Register_NEG, ParseNeg)
OPERATOR(NOT_EQUAL, Register_NOT_EQUAL, ParseNotEqual)
OPERATOR(PACK, Register_PACK, ParsePack)
OPERATOR(PAD, Register_PAD, ParsePad)
OPERATOR(PADV2, Register_PADV2, ParsePadV2)
OPERATOR(PRELU, Register_PRELU, ParsePrelu)
OPERATOR(QUANTIZE, Register_QUANTIZE, ParseQuantize)
OPERATOR(REDUCE_MAX, Register_REDUCE_MAX, ParseReducer)
OPERATOR(RELU, Register_RELU, ParseRelu)
OPERATOR(RELU6, Register_RELU6, ParseRelu6)
OPERATOR(RESHAPE, Register_RESHAPE, ParseReshape)
OPERATOR(RESIZE_NEAREST_NEIGHBOR, Register_RESIZE_NEAREST_NEIGHBOR, ParseResizeNearestNeighbor)
OPERATOR(ROUND, Register_ROUND, ParseRound)
OPERATOR(RSQRT, Register_RSQRT, ParseRsqrt)
OPERATOR(SELECT_V2, Register_SELECT_V2, ParseSelectV2)
OPERATOR(SHAPE, Register_SHAPE, ParseShape)
OPERATOR(SOFTMAX, Register_SOFTMAX_INT8, ParseSoftmax)
OPERATOR(SPACE_TO_BATCH_ND, Register_SPACE_TO_BATCH_ND, ParseSpaceToBatchNd)
OPERATOR(SPLIT, Register_SPLIT, ParseSplit)
OPERATOR(SPLIT_V, Register_SPLIT_V, ParseSplitV)
OPERATOR(SQUARE, Register_SQUARE, ParseSquare)
OPERATOR(SQUARED_DIFFERENCE, Register_SQUARED_DIFFERENCE, ParseSquaredDifference)
OPERATOR(SQUEEZE, Register_SQUEEZE, ParseSqueeze)
OPERATOR(STRIDED_SLICE, Register_STRIDED_SLICE, ParseStridedSlice)
OPERATOR(SUB, Register_SUB, ParseSub)
OPERATOR(SUM, Register_SUM, ParseReducer)
OPERATOR(TANH, Register_TANH, ParseTanh)
OPERATOR(TRANSPOSE, Register_TRANSPOSE, ParseTranspose)
OPERATOR(TRANSPOSE_CONV, Register_TRANSPOSE_CONV, ParseTransposeConv)
OPERATOR(UNPACK, Register_UNPACK, ParseUnpack)

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

  // Custom operators: there are none.
  const TFLMRegistration *FindOp(const char *) const override { return nullptr; }

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

int8_t *model_input(void) { return interpreter->input(0)->data.int8; }

const int8_t *model_output(void) { return interpreter->output(0)->data.int8; }

int model_invoke(void) { return interpreter->Invoke() == kTfLiteOk ? 0 : 1; }

uint32_t model_arena_bytes(void) { return interpreter->arena_used_bytes(); }
