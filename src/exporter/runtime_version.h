// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

#include "ops/op_def.h"

namespace octet::exporter {

// The first TensorFlow Lite that runs this version of the operator: "2.3.0". Empty where not recorded.
std::string_view MinimumRuntime(ops::BuiltinCode code, int version);

// The same of a node: some releases refuse what later ones take without another version.
std::string MinimumRuntime(const ops::OpView& op, int version);

// The later of two "major.minor.patch"; an empty one is the earliest.
std::string Later(std::string_view a, std::string_view b);

}  // namespace octet::exporter
