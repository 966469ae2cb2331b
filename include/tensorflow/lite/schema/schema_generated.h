// SPDX-License-Identifier: Apache-2.0
// The operators' names of TensorFlow Lite's C++ interface. octet's reader of models is its own (src/tflite): the tables of the
// format are not here.
#ifndef TENSORFLOW_LITE_SCHEMA_SCHEMA_GENERATED_H_
#define TENSORFLOW_LITE_SCHEMA_SCHEMA_GENERATED_H_

#include <cstdint>

namespace tflite {

enum BuiltinOperator : int32_t {
#define OCTET_TFLITE_BUILTIN(name, code) BuiltinOperator_##name = code,
#include "tensorflow/lite/schema/builtin_operators.inc"
#undef OCTET_TFLITE_BUILTIN
};

inline const char* EnumNameBuiltinOperator(BuiltinOperator op) {
  switch (op) {
#define OCTET_TFLITE_BUILTIN(name, code) \
  case BuiltinOperator_##name:           \
    return #name;
#include "tensorflow/lite/schema/builtin_operators.inc"
#undef OCTET_TFLITE_BUILTIN
  }
  return "";
}

}  // namespace tflite

#endif  // TENSORFLOW_LITE_SCHEMA_SCHEMA_GENERATED_H_
