// SPDX-License-Identifier: Apache-2.0
// Register_ADD() and so on: for resolvers that list what a model needs. What they return stands for octet's own kernel.
#ifndef TENSORFLOW_LITE_KERNELS_BUILTIN_OP_KERNELS_H_
#define TENSORFLOW_LITE_KERNELS_BUILTIN_OP_KERNELS_H_

#include "tensorflow/lite/c/common.h"

namespace tflite {
namespace ops {
namespace builtin {

#define OCTET_TFLITE_BUILTIN(name, code)        \
  inline TfLiteRegistration* Register_##name() { \
    static TfLiteRegistration octets_own = [] {  \
      TfLiteRegistration r = {};                 \
      r.builtin_code = code;                     \
      r.version = 1;                             \
      return r;                                  \
    }();                                         \
    return &octets_own;                          \
  }
#include "tensorflow/lite/schema/builtin_operators.inc"
#undef OCTET_TFLITE_BUILTIN

}  // namespace builtin
}  // namespace ops
}  // namespace tflite

#endif  // TENSORFLOW_LITE_KERNELS_BUILTIN_OP_KERNELS_H_
