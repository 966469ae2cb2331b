// SPDX-License-Identifier: Apache-2.0
// What layers that give categories share: indices [batch, n] (or [batch, 1]) as vectors.
#pragma once
#include <string>

#include "importers/keras/context.h"

namespace octet::importers::keras {

// By output mode: one_hot, multi_hot or count, in float32. An index outside of the classes is in none.
Result<Value> Encode(LayerContext& c, const std::string& mode, Value ids, int32_t classes);

}  // namespace octet::importers::keras
