// SPDX-License-Identifier: Apache-2.0
// Custom operators that came from outside (ops::Register), beside those of the operators' files.
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

const OpDef* FindRegistered(std::string_view custom_name);
const OpKernel* FindRegisteredKernel(const OpDef& def);
size_t CountRegistered();  // Up to now; none is ever taken back.

}  // namespace octet::ops
