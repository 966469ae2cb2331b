// SPDX-License-Identifier: Apache-2.0
// TensorFlow's ops as the importer of its graphs reads them, for functions of tf_keras' files that are one or several of them.
#pragma once
#include <vector>

#include "importers/keras/context.h"
#include "importers/lowerings/tensorflow_op.h"

namespace octet::importers::keras {

// The op's outputs. The attribute T is the first input's element type unless it is given.
Result<std::vector<Value>> RunOps(LayerContext& c, std::string_view op, const std::vector<Value>& inputs, std::vector<NodeAttr> attrs, int outputs);
// The first of them.
Result<Value> RunOp(LayerContext& c, std::string_view op, const std::vector<Value>& inputs, std::vector<NodeAttr> attrs = {});

}  // namespace octet::importers::keras
