// SPDX-License-Identifier: Apache-2.0
// Colours: channels last, numbers from 0 to 1.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

struct Colour {
  Value a, b, c;  // r, g, b or h, s, v: [..., 1] each.
};

Result<Colour> SplitColours(Lowering& c, Value x);
Result<Value> JoinColours(Lowering& c, const Colour& p);
Result<Colour> ToHsv(Lowering& c, const Colour& rgb);
Result<Colour> ToRgb(Lowering& c, const Colour& hsv);

Result<Value> Clip(Lowering& c, Value x, float low, float high);

}  // namespace octet::importers
