// SPDX-License-Identifier: Apache-2.0
// Recurrent layers that keep their state from one run to the next (stateful=True).
#pragma once
#include "importers/keras/context.h"

namespace octet::importers::keras {

// [batch, time, units]: the outputs of all steps, in their order.
Result<Value> RunStateful(LayerContext& c, std::string_view kind, const Json& config, const Variables& variables, Value x, bool backwards);

}  // namespace octet::importers::keras
