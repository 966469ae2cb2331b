// SPDX-License-Identifier: Apache-2.0
// Ops without a builtin operator that frozen graphs use: what SavedModels say of their ops themselves, and what shapes their
// outputs have.
#pragma once
#include <string_view>

#include "importers/savedmodel/op_list.h"

namespace octet::importers::savedmodel {

// Null for ops that are not known here.
const OpSchema* KnownOp(std::string_view op);

// The shape of output `i`: "=0" is that of input 0, "?2" two open dimensions, "" not known.
std::string_view KnownShape(std::string_view op, size_t i);

}  // namespace octet::importers::savedmodel
