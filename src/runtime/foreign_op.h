// SPDX-License-Identifier: Apache-2.0
// Custom operators that only a delegate knows: what a compiler for its device made of a part of the model.
#pragma once
#include <memory>

#include "ops/op_def.h"
#include "runtime/interpreter.h"

namespace octet::runtime {

// The model with its unknown custom operators as ones whose outputs are as the file declares them and that the CPU
// cannot compute. Known by name to the process from then on.
Result<std::shared_ptr<const Model>> AdmitForeignOps(std::shared_ptr<const Model> model);

// Why a node cannot be computed that has no kernel.
Status NoKernel(const ops::OpView& op);

// For a model that edgetpu_compiler made, without the device's delegate.
Status NeedsEdgeTpu(int nodes);

}  // namespace octet::runtime
