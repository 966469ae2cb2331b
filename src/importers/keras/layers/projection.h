// SPDX-License-Identifier: Apache-2.0
// Contractions with a constant as fully_connected.
#pragma once
#include "importers/keras/context.h"

namespace octet::importers::keras {

// Weights in fully_connected's layout, [out, in], and a bias of `out`.
struct Projection {
  std::vector<float> weights, bias;
  int32_t in = 0, out = 0;
};

// From variables kernel [in..., out...] with `in_axes` leading axes of input, and bias [out...] if there is one. `features`: of all heads, by which a kernel
// that was quantized is known, whatever matrix it became.
Result<Projection> LoadProjection(LayerContext& c, const Variables& variables, int in_axes, int64_t features, bool use_bias);
Result<Value> Project(LayerContext& c, Value x, const Projection& p);

}  // namespace octet::importers::keras
