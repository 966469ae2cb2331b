// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_KERNELS_REGISTER_H_
#define TENSORFLOW_LITE_KERNELS_REGISTER_H_

#include "tensorflow/lite/kernels/builtin_op_kernels.h"
#include "tensorflow/lite/mutable_op_resolver.h"

namespace tflite {
namespace ops {
namespace builtin {

// All operators that octet has; custom ones can be added.
class BuiltinOpResolver : public MutableOpResolver {
 public:
  using MutableOpResolver::FindOp;
  const TfLiteRegistration* FindOp(BuiltinOperator op, int version) const override {
    switch (op) {
#define OCTET_TFLITE_BUILTIN(name, code) \
  case BuiltinOperator_##name:           \
    return Register_##name();
#include "tensorflow/lite/schema/builtin_operators.inc"
#undef OCTET_TFLITE_BUILTIN
    }
    return MutableOpResolver::FindOp(op, version);
  }
};

// octet has no default delegates: its kernels take XNNPACK's place.
class BuiltinOpResolverWithoutDefaultDelegates : public BuiltinOpResolver {};

}  // namespace builtin
}  // namespace ops
}  // namespace tflite

#endif  // TENSORFLOW_LITE_KERNELS_REGISTER_H_
