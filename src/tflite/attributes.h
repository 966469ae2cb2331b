// SPDX-License-Identifier: Apache-2.0
// Reads an operator's Attrs struct out of its options table by attribute rows: no operator is named here.
#pragma once
#include <cstddef>
#include <vector>

#include "base/status.h"
#include "ops/op_def.h"

namespace octet::tflite {

// `table` is a verified flatbuffers table of the kind the layout names, or null: all defaults. Errors
// name the attribute; the caller knows the place.
Result<std::vector<std::byte>> ReadAttributes(const ops::AttrLayout& layout, const void* table);

}  // namespace octet::tflite
