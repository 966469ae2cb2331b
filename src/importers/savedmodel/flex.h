// SPDX-License-Identifier: Apache-2.0
// Ops that no builtin operator expresses.
#pragma once
#include <string_view>

#include "base/status.h"

namespace octet::importers::savedmodel {

class NodeContext;

// The node as TensorFlow's own operator, which TensorFlow's library computes at run time: what TensorFlow's converter writes
// for it with SELECT_TF_OPS.
Status AddFlex(NodeContext& c);

// What to write in the place of an op that octet does not have.
std::string_view AdviceInstead(std::string_view op);

}  // namespace octet::importers::savedmodel
