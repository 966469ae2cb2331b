// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "importers/onnx/context.h"

namespace octet::importers::onnx {

// numpy's matmul: fully_connected where the right side is a constant matrix, batch_matmul otherwise.
Result<Value> MatMul(NodeContext& c, Value a, Value b);

}  // namespace octet::importers::onnx
