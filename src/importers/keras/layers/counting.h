// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "base/status.h"

namespace octet::importers::keras {

class LayerContext;

// Columns of the places [n, axes] where a tensor is not zero: keras.ops nonzero, and where with one argument.
Status ConvertNonzero(LayerContext& c);

}  // namespace octet::importers::keras
