// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_CORE_API_OP_RESOLVER_H_
#define TENSORFLOW_LITE_CORE_API_OP_RESOLVER_H_

#include <string>
#include <utility>
#include <vector>

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {

// Which kernels a model is run with. octet runs builtin operators with its own, whatever a resolver lists; what it takes from a
// resolver are the custom operators, by custom_ops().
class OpResolver {
 public:
  using CustomOps = std::vector<std::pair<std::string, TfLiteRegistration>>;

  virtual ~OpResolver() = default;
  virtual const TfLiteRegistration* FindOp(BuiltinOperator op, int version) const = 0;
  virtual const TfLiteRegistration* FindOp(const char* op, int version) const = 0;
  virtual CustomOps custom_ops() const { return {}; }
  // Builtin operators that the program wants to compute itself: octet refuses them.
  virtual std::vector<std::pair<BuiltinOperator, TfLiteRegistration>> replaced_ops() const { return {}; }
};

}  // namespace tflite

#endif  // TENSORFLOW_LITE_CORE_API_OP_RESOLVER_H_
