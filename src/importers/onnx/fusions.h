// SPDX-License-Identifier: Apache-2.0
// Functions that exporters write out although there is an operator for them, found by walking back from the last
// node: gelu in both forms. (What only multiplies and adds is a pass: passes/fuse_hard_swish.cc, fuse_normalization.cc.)
#pragma once
#include <string_view>

#include "importers/onnx/builder.h"

namespace octet::importers::onnx {

struct Fusion {
  std::string_view op;       // "Gelu"; empty: none.
  std::string_view input;
  bool tanh = false;         // Gelu's approximation.
};
Fusion FindFusion(Builder& builder, Scope& scope, const NodeProto& last);

}  // namespace octet::importers::onnx
