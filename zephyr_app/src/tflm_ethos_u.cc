// What TensorFlow Lite Micro's operator `ethos-u` is, for the table of a model that was compiled for
// an Arm Ethos-U.
#include "tflm_runtime.h"

#include "tensorflow/lite/micro/kernels/ethosu.h"

namespace {

TFLMRegistration Registration() { return *tflite::Register_ETHOSU(); }

}  // namespace

extern "C" {
extern const tflm_operator tflm_ETHOS_U;
const tflm_operator tflm_ETHOS_U = {tflite::BuiltinOperator_CUSTOM, Registration, nullptr};
}
