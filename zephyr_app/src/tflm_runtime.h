// What an operator of a model's table is, for the C++ that knows TensorFlow Lite Micro.
#ifndef TFLM_RUNTIME_H
#define TFLM_RUNTIME_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

extern "C" {
#include "tflm_operators.h"

struct tflm_operator {
  tflite::BuiltinOperator code;
  TFLMRegistration (*registration)();
  tflite::TfLiteBridgeBuiltinParseFunction parse;
};
}

#endif
