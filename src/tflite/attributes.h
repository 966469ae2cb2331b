// SPDX-License-Identifier: Apache-2.0
// Reads an operator's Attrs struct out of its options table by attribute rows: no operator is named here.
#pragma once
#include <cstddef>

#include "base/status.h"
#include "ops/op_def.h"

namespace octet::tflite {

// `table` is a verified flatbuffers table of the kind the layout names, or null: all defaults. `attributes`
// has layout.bytes bytes, aligned for any type. Errors name the attribute; the caller knows the place.
Status ReadAttributes(const ops::AttrLayout& layout, const void* table, std::byte* attributes);

}  // namespace octet::tflite
