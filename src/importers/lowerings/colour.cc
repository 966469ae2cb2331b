// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/colour.h"

#include "importers/lowerings/activation.h"

namespace octet::importers {

Result<Value> Clip(Lowering& c, Value x, float low, float high) {
  OCTET_ASSIGN(const Value y, c.Make("maximum", {x, c.Scalar(low)}));
  return c.Make("minimum", {y, c.Scalar(high)});
}

namespace {
// y > 0 ? x / y : 0
Result<Value> DivideOrZero(Lowering& c, Value x, Value y) {
  OCTET_ASSIGN(const Value none, c.Make("less_equal", {y, c.Scalar(0)}));
  return QuotientUnless(c, none, c.Scalar(0), x, y);
}
}  // namespace

Result<Colour> SplitColours(Lowering& c, Value x) {
  const int32_t last = c.rank(x) - 1;
  OCTET_ASSIGN(const std::vector<Value> p, c.MakeMany("split", {c.Constant<int32_t>(Shape{}, std::span<const int32_t>(&last, 1)), x}, {{"num_splits", 3}}, 3));
  return Colour{p[0], p[1], p[2]};
}
Result<Value> JoinColours(Lowering& c, const Colour& p) { return c.Make("concatenation", {p.a, p.b, p.c}, {{"axis", c.rank(p.a) - 1}}); }

// v = max, s = (max - min) / max, h sixths around from the largest one.
Result<Colour> ToHsv(Lowering& c, const Colour& rgb) {
  OCTET_ASSIGN(Value most, c.Make("maximum", {rgb.a, rgb.b}));
  OCTET_ASSIGN(most, c.Make("maximum", {most, rgb.c}));
  OCTET_ASSIGN(Value least, c.Make("minimum", {rgb.a, rgb.b}));
  OCTET_ASSIGN(least, c.Make("minimum", {least, rgb.c}));
  OCTET_ASSIGN(const Value range, c.Make("sub", {most, least}));
  OCTET_ASSIGN(const Value s, DivideOrZero(c, range, most));
  const auto sector = [&](Value x, Value y, float from) -> Result<Value> {
    OCTET_ASSIGN(Value d, c.Make("sub", {x, y}));
    OCTET_ASSIGN(d, DivideOrZero(c, d, range));
    OCTET_ASSIGN(d, Times(c, d, 1.0f / 6));
    return Plus(c, d, from);
  };
  OCTET_ASSIGN(const Value red, sector(rgb.b, rgb.c, 0));
  OCTET_ASSIGN(const Value green, sector(rgb.c, rgb.a, 2.0f / 6));
  OCTET_ASSIGN(const Value blue, sector(rgb.a, rgb.b, 4.0f / 6));
  OCTET_ASSIGN(const Value is_green, c.Make("equal", {rgb.b, most}));
  OCTET_ASSIGN(const Value is_red, c.Make("equal", {rgb.a, most}));
  OCTET_ASSIGN(Value h, c.Make("select_v2", {is_green, green, blue}));
  OCTET_ASSIGN(h, c.Make("select_v2", {is_red, red, h}));
  OCTET_ASSIGN(const Value grey, c.Make("equal", {range, c.Scalar(0)}));
  OCTET_ASSIGN(h, c.Make("select_v2", {grey, c.Scalar(0), h}));
  OCTET_ASSIGN(const Value below, c.Make("less", {h, c.Scalar(0)}));
  OCTET_ASSIGN(const Value turned, Plus(c, h, 1));
  OCTET_ASSIGN(h, c.Make("select_v2", {below, turned, h}));
  return Colour{h, s, most};
}

// Each of r, g, b: v * (1 - s + s * clip(a trapezoid of the hue, 0, 1)).
Result<Colour> ToRgb(Lowering& c, const Colour& hsv) {
  OCTET_ASSIGN(const Value six, Times(c, hsv.a, 6));
  const auto part = [&](float centre, float sign, float offset) -> Result<Value> {
    OCTET_ASSIGN(Value w, Plus(c, six, -centre));
    OCTET_ASSIGN(w, c.Make("abs", {w}));
    OCTET_ASSIGN(w, Times(c, w, sign));
    OCTET_ASSIGN(w, Plus(c, w, offset));
    OCTET_ASSIGN(w, Clip(c, w, 0, 1));
    OCTET_ASSIGN(w, Plus(c, w, -1));
    OCTET_ASSIGN(w, c.Make("mul", {w, hsv.b}));
    OCTET_ASSIGN(w, Plus(c, w, 1));
    return c.Make("mul", {w, hsv.c});
  };
  OCTET_ASSIGN(const Value r, part(3, 1, -1));
  OCTET_ASSIGN(const Value g, part(2, -1, 2));
  OCTET_ASSIGN(const Value b, part(4, -1, 2));
  return Colour{r, g, b};
}

}  // namespace octet::importers
