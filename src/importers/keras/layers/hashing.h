// SPDX-License-Identifier: Apache-2.0
// Texts to numbers below a limit, as Keras hashes them.
#pragma once
#include "importers/keras/context.h"

namespace octet::importers::keras {

// Whole numbers, written in digits.
Result<Value> Digits(LayerContext& c, Value x);
// In [0, buckets): by SipHash where the layer has a `salt`, else by FarmHash.
Result<Value> HashTexts(LayerContext& c, Value x, int64_t buckets);

}  // namespace octet::importers::keras
