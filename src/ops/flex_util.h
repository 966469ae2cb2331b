// SPDX-License-Identifier: Apache-2.0
// TensorFlow's own operators inside of a .tflite ("Flex..."): one definition for every name. Who writes such a node
// knows its outputs' types; who runs it learns their shapes from TensorFlow.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "ops/op_def.h"

namespace octet::ops {

// Sets everything but the name, which `def` already has.
void DefineFlex(OpDef* def);

// A definition without a kernel, for the rest of the process: "FlexErf".
const OpDef& FlexOp(std::string_view custom_name);

// Whether octet has a kernel of its own for the operator "FlexNAME" (src/ops/flex_*.cc).
bool HasOwnKernel(std::string_view custom_name);

// What such a node carries as its options: a FlexBuffers vector of the op's name and its NodeDef.
std::vector<std::byte> FlexOptions(std::string_view op, std::string_view node_def);

}  // namespace octet::ops
