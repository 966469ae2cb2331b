// SPDX-License-Identifier: Apache-2.0
// TensorFlow's own operators inside of a .tflite (SELECT_TF_OPS, "Flex..."): computed by a TensorFlow library that is
// loaded at run time, the one inside of the tensorflow-cpu wheel for one, through its C API (TFE_*).
#pragma once
#include <memory>
#include <string>

#include "runtime/interpreter.h"

namespace octet::delegates {

struct FlexModel {
  std::shared_ptr<const runtime::Model> model;  // Read again with the operators known, or as it was.
  std::string warning;                          // Which operators TensorFlow computes, and the price; empty: none.
};

// `library`: of TensorFlow; empty: the environment's OCTET_TENSORFLOW. Without either a model with such operators stays
// as it is, and an interpreter says what is missing.
Result<FlexModel> WithFlexOps(std::shared_ptr<const runtime::Model> model, const std::string& library);

}  // namespace octet::delegates
