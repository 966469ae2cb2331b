// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/partial.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "importers/onnx/builder.h"
#include "importers/onnx/context.h"

namespace octet::importers::onnx {
namespace {

constexpr size_t kMaxNumbers = 64;  // Shapes and paddings; longer lists are data.

using Numbers = std::optional<Partial>;

Numbers OfShape(NodeContext& c) {
  const Shape& s = c.shape(c.Input(0));
  Partial p{true, false, {}};
  const int rank = s.rank();
  const auto clip = [&](int64_t i) { return static_cast<int>(std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank)); };
  const int begin = clip(c.Int("start", 0)), end = clip(c.Int("end", rank));
  for (int i = begin; i < end; ++i) p.numbers.push_back(s[i] == kUnknown ? Number::Dimension(c.Input(0).id, i) : Number::Of(s[i]));
  return p;
}

Numbers OfGather(NodeContext& c) {
  const Partial x = c.PartialOf(c.Input(0)), at = c.PartialOf(c.Input(1));
  if (!x.valid || x.scalar || !at.known()) return std::nullopt;
  const auto n = static_cast<int64_t>(x.numbers.size());
  Partial p{true, at.scalar, {}};
  for (const Number& i : at.numbers) {
    const int64_t k = i.value < 0 ? i.value + n : i.value;
    if (k < 0 || k >= n) return std::nullopt;
    p.numbers.push_back(x.numbers[static_cast<size_t>(k)]);
  }
  return p;
}

Numbers OfConcat(NodeContext& c) {
  Partial p{true, false, {}};
  for (int i = 0; i < c.num_inputs(); ++i) {
    Partial x = c.PartialOf(c.Input(i));
    if (!x.valid) x = Computed(c.shape(c.Input(i)));
    if (!x.valid || x.scalar) return std::nullopt;
    p.numbers.insert(p.numbers.end(), x.numbers.begin(), x.numbers.end());
  }
  return p;
}

Numbers OfSlice(NodeContext& c) {
  Partial x = c.PartialOf(c.Input(0));
  if (!x.valid || x.scalar) return std::nullopt;
  const auto n = static_cast<int64_t>(x.numbers.size());
  auto begin = c.IntsAt(1, "starts", {}), end = c.IntsAt(2, "ends", {}), step = c.IntsAt(4, "steps", {1});
  if (!begin.ok() || !end.ok() || !step.ok() || begin->size() != 1 || end->size() != 1 || step->size() != 1 || (*step)[0] == 0) return std::nullopt;
  const int64_t s = (*step)[0];
  const auto at = [&](int64_t i) { return s > 0 ? std::clamp<int64_t>(i < 0 ? i + n : i, 0, n) : std::clamp<int64_t>(i < 0 ? i + n : i, -1, n - 1); };
  const int64_t stop = (*end)[0] < -n && s < 0 ? -1 : at((*end)[0]);
  Partial p{true, false, {}};
  for (int64_t i = at((*begin)[0]); s > 0 ? i < stop : i > stop; i += s) p.numbers.push_back(x.numbers[static_cast<size_t>(i)]);
  return p;
}

Numbers Same(NodeContext& c) {
  Partial p = c.PartialOf(c.Input(0));
  return p.valid ? Numbers(p) : std::nullopt;
}

// Scalars and vectors of one entry in and out of dimensions.
Numbers Reshaped(NodeContext& c) {
  Numbers p = Same(c);
  if (p && !c.outputs().empty() && c.outputs()[0].value) p->scalar = c.rank(c.outputs()[0].value) == 0;
  return p;
}

Numbers Whole(NodeContext& c) {  // Not of fractions: those are data.
  const Partial p = c.PartialOf(c.Input(0));
  return p.valid && c.Int("to", 0) != kFloat ? Numbers(p) : std::nullopt;
}

Numbers Combined(NodeContext& c, const std::function<std::optional<int64_t>(int64_t, int64_t)>& f, int64_t neutral) {
  const Partial a = c.PartialOf(c.Input(0)), b = c.PartialOf(c.Input(1));
  if (!a.valid || !b.valid) return std::nullopt;
  const size_t n = std::max(a.numbers.size(), b.numbers.size());
  if ((a.numbers.size() != n && a.numbers.size() != 1) || (b.numbers.size() != n && b.numbers.size() != 1)) return std::nullopt;
  Partial p{true, a.scalar && b.scalar, {}};
  for (size_t i = 0; i < n; ++i) {
    const Number &x = a.numbers[a.numbers.size() == 1 ? 0 : i], &y = b.numbers[b.numbers.size() == 1 ? 0 : i];
    const std::optional<int64_t> v = x.known && y.known ? f(x.value, y.value) : std::nullopt;
    if (v) p.numbers.push_back(Number::Of(*v));
    else if (y.known && y.value == neutral) p.numbers.push_back(x);
    else p.numbers.push_back({});
  }
  return p;
}

Numbers OfAdd(NodeContext& c) {
  return Combined(c, [](int64_t a, int64_t b) { int64_t v; return __builtin_add_overflow(a, b, &v) ? std::nullopt : std::optional(v); }, 0);
}
Numbers OfSub(NodeContext& c) {
  return Combined(c, [](int64_t a, int64_t b) { int64_t v; return __builtin_sub_overflow(a, b, &v) ? std::nullopt : std::optional(v); }, 0);
}
// Of two numbers that `f` is not known of: what one known above zero makes of an open dimension.
Numbers Scaled(NodeContext& c, Numbers p, const std::function<std::optional<int64_t>(int64_t times, int64_t known)>& f, bool either) {
  const Partial a = c.PartialOf(c.Input(0)), b = c.PartialOf(c.Input(1));
  for (size_t i = 0; p && i < p->numbers.size(); ++i) {
    const Number *open = &a.numbers[a.numbers.size() == 1 ? 0 : i], *known = &b.numbers[b.numbers.size() == 1 ? 0 : i];
    if (either && open->known) std::swap(open, known);
    if (open->known || open->tensor < 0 || !known->known || known->value < 1) continue;
    Number n = c.builder().Resolve(*open);
    const std::optional<int64_t> times = f(n.times, known->value);
    if (!times) continue;
    n.times = *times;
    p->numbers[i] = n;
  }
  return p;
}

Numbers OfMul(NodeContext& c) {
  const auto product = [](int64_t a, int64_t b) { int64_t v; return __builtin_mul_overflow(a, b, &v) ? std::nullopt : std::optional(v); };
  return Scaled(c, Combined(c, product, 1), product, true);
}
Numbers OfMax(NodeContext& c) {
  return Combined(c, [](int64_t a, int64_t b) { return std::optional(std::max(a, b)); }, INT64_MIN);
}
Numbers OfMod(NodeContext& c) {
  if (c.Bool("fmod", false)) return std::nullopt;
  return Combined(c, [](int64_t a, int64_t b) { return b < 1 ? std::nullopt : std::optional((a % b + b) % b); }, INT64_MIN);
}
Numbers OfDiv(NodeContext& c) {
  const Numbers p = Combined(c, [](int64_t a, int64_t b) { return b == 0 || b == -1 ? std::nullopt : std::optional<int64_t>(a / b); }, 1);
  return Scaled(c, p, [](int64_t a, int64_t b) { return a % b != 0 ? std::nullopt : std::optional(a / b); }, false);
}
// A dimension is never negative: comparing it with -1 (as exporters do for expand) needs no value.
Numbers OfEqual(NodeContext& c) {
  const Partial a = c.PartialOf(c.Input(0)), b = c.PartialOf(c.Input(1));
  Numbers p = Combined(c, [](int64_t x, int64_t y) { return std::optional<int64_t>(x == y); }, INT64_MIN);
  if (!p) return p;
  for (size_t i = 0; i < p->numbers.size(); ++i) {
    const Number &x = a.numbers[a.numbers.size() == 1 ? 0 : i], &y = b.numbers[b.numbers.size() == 1 ? 0 : i];
    if (x.known == y.known) continue;
    const Number &known = x.known ? x : y, &open = x.known ? y : x;
    if (known.value < 0 && open.tensor >= 0) p->numbers[i] = Number::Of(0);
  }
  return p;
}
Numbers OfWhere(NodeContext& c) {
  const Partial when = c.PartialOf(c.Input(0)), a = c.PartialOf(c.Input(1)), b = c.PartialOf(c.Input(2));
  if (!when.valid || !a.valid || !b.valid) return std::nullopt;
  const size_t n = std::max({when.numbers.size(), a.numbers.size(), b.numbers.size()});
  const auto at = [&](const Partial& p, size_t i) -> const Number* {
    return p.numbers.size() == n ? &p.numbers[i] : p.numbers.size() == 1 ? &p.numbers[0] : nullptr;
  };
  Partial p{true, when.scalar && a.scalar && b.scalar, {}};
  for (size_t i = 0; i < n; ++i) {
    const Number *w = at(when, i), *x = at(a, i), *y = at(b, i);
    if (!w || !x || !y) return std::nullopt;
    if (w->known) p.numbers.push_back(w->value ? *x : *y);
    else p.numbers.push_back(*x == *y ? *x : Number{});
  }
  return p;
}
Numbers OfProduct(NodeContext& c) {
  const Partial x = c.PartialOf(c.Input(0));
  if (!x.valid) return std::nullopt;
  Number product = Number::Of(1), open;
  for (const Number& n : x.numbers) {
    if (!n.known) open = n;
    else if (__builtin_mul_overflow(product.value, n.value, &product.value)) return std::nullopt;
  }
  const int unknown = x.unknown();
  if (unknown == 1 && (open.tensor < 0 || __builtin_mul_overflow(open.times, product.value, &open.times))) open = {};
  const Number y = unknown == 0 ? product : unknown == 1 ? open : Number{};
  return Partial{true, c.Int("keepdims", 1) == 0, {y}};
}
Numbers OfSize(NodeContext& c) {
  const Shape& s = c.shape(c.Input(0));
  if (!s.known()) return std::nullopt;
  return Partial{true, true, {Number::Of(s.elements())}};
}

struct Rule {
  std::string_view name;
  Numbers (*of)(NodeContext&);
};
constexpr Rule kRules[] = {{"Shape", OfShape}, {"Size", OfSize}, {"Gather", OfGather}, {"Concat", OfConcat}, {"Slice", OfSlice},
                           {"Unsqueeze", Reshaped}, {"Squeeze", Reshaped}, {"Reshape", Reshaped}, {"Identity", Same}, {"Cast", Whole},
                           {"Add", OfAdd}, {"Sub", OfSub}, {"Mul", OfMul}, {"Div", OfDiv}, {"Mod", OfMod}, {"Max", OfMax}, {"Equal", OfEqual},
                           {"Where", OfWhere}, {"ReduceProd", OfProduct}};

template <class T> Value ConstantOf(NodeContext& c, const Partial& p) {
  std::vector<T> v;
  for (const Number& n : p.numbers) v.push_back(static_cast<T>(n.value));
  return c.Constant<T>(p.scalar ? Shape{} : Shape{static_cast<int32_t>(v.size())}, std::span<const T>(v));
}

}  // namespace

Partial Computed(const Shape& s) {
  const bool counted = s.rank() == 1 && s[0] != kUnknown && s[0] <= static_cast<int32_t>(kMaxNumbers);
  return {counted, false, std::vector<Number>(counted ? static_cast<size_t>(s[0]) : 0)};
}

bool ComputeNumbers(NodeContext& c) {
  static constexpr std::string_view kArithmetic[] = {"Add", "Sub", "Mul", "Div", "Mod", "Max"};
  if (std::ranges::find(kArithmetic, c.kind()) == std::end(kArithmetic) || c.num_inputs() != 2 || !c.Input(0) || !c.Input(1)) return false;
  const DType t = c.type(c.Input(0)).dtype;
  if (t != DType::kI64 && t != DType::kI32) return false;
  const Numbers p = std::ranges::find(kRules, c.kind(), &Rule::name)->of(c);
  if (!p || !p->known() || p->numbers.size() > kMaxNumbers) return false;
  c.SetOutput(0, t == DType::kI64 ? ConstantOf<int64_t>(c, *p) : ConstantOf<int32_t>(c, *p));
  return true;
}

void PropagateNumbers(NodeContext& c) {
  const auto rule = std::ranges::find(kRules, c.kind(), &Rule::name);
  if (rule == std::end(kRules) || c.outputs().empty() || !c.outputs()[0].value) return;
  const Value out = c.outputs()[0].value;
  const DType t = c.type(out).dtype;
  if (c.rank(out) > 1 || (t != DType::kI64 && t != DType::kI32 && t != DType::kBool) || c.is_constant(out)) return;
  const Numbers p = rule->of(c);
  if (!p || p->numbers.size() > kMaxNumbers) return;
  if (p->known() && t == DType::kI64) c.SetOutput(0, ConstantOf<int64_t>(c, *p));
  else if (p->known() && t == DType::kI32) c.SetOutput(0, ConstantOf<int32_t>(c, *p));
  else c.SetPartial(out, *p);
}

void PropagateDimensions(NodeContext& c) {
  static constexpr std::string_view kElementwise[] = {"Add", "Sub", "Mul", "Div", "Pow", "Where", "Max", "Min"};
  const bool matrices = c.kind() == "MatMul";
  if ((!matrices && std::ranges::find(kElementwise, c.kind()) == std::end(kElementwise)) || c.outputs().empty() || !c.outputs()[0].value) return;
  const Value y = c.outputs()[0].value;
  for (int axis = 0; axis < c.rank(y) - (matrices ? 2 : 0); ++axis) {
    if (c.shape(y)[axis] != kUnknown) continue;
    Number one;
    bool agree = true;
    for (int i = 0; i < c.num_inputs(); ++i) {
      const int own = axis - (c.rank(y) - c.rank(c.Input(i)));
      if (own < 0 || c.shape(c.Input(i))[own] != kUnknown) continue;
      const Number n = c.builder().Resolve(Number::Dimension(c.Input(i).id, own));
      agree &= one.tensor < 0 || n == one;
      one = n;
    }
    if (agree && one.tensor >= 0) c.builder().SetDimension(y, axis, one);
  }
}

}  // namespace octet::importers::onnx
