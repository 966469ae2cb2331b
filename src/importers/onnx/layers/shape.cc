// SPDX-License-Identifier: Apache-2.0
// Shapes and what only changes them.
#include <algorithm>

#include "importers/lowerings/dims.h"
#include "importers/onnx/builder.h"
#include "ops/layout_util.h"

namespace octet::importers::onnx {
namespace {

Status ConvertShape(NodeContext& c) {
  const Shape& s = c.shape(c.Input(0));
  const int rank = s.rank();
  const auto clip = [&](int64_t i) { return static_cast<int32_t>(std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank)); };
  const int32_t begin = clip(c.Int("start", 0)), end = std::max(begin, clip(c.Int("end", rank)));
  std::vector<int64_t> dims;
  bool known = true;
  for (int32_t i = begin; i < end; ++i) dims.push_back(s[i]), known &= s[i] != kUnknown;
  if (known) {
    c.SetOutput(0, c.Constant<int64_t>(Shape{static_cast<int32_t>(dims.size())}, std::span<const int64_t>(dims)));
    return {};
  }
  OCTET_ASSIGN(Value v, c.Make("shape", {c.Input(0)}, {{"out_type", static_cast<int64_t>(DType::kI64)}}));
  if (begin > 0 || end < rank) {
    OCTET_ASSIGN(v, c.Make("slice", {v, c.Vector({begin}), c.Vector({end - begin})}));
  }
  c.SetOutput(0, v);
  return {};
}

Status ConvertSize(NodeContext& c) {
  const Shape& s = c.shape(c.Input(0));
  if (!s.known()) {
    OCTET_ASSIGN(const Value shape, c.Make("shape", {c.Input(0)}, {{"out_type", static_cast<int64_t>(DType::kI64)}}));
    OCTET_ASSIGN(const Value n, c.Make("reduce_prod", {shape, c.Vector({0})}));
    c.SetOutput(0, n);
    return {};
  }
  const int64_t n = s.elements();
  c.SetOutput(0, c.Constant<int64_t>(Shape{}, std::span(&n, 1)));
  return {};
}

// What a reshape is to make.
struct Target {
  Partial to;
  Shape shape = {};
  int open = 0;         // Dimensions of `shape` that are not known.
  bool copies = false;  // Zeros stood for the input's dimensions.
};

// Zeros are the input's dimensions in their place.
Result<Target> ReadTarget(NodeContext& c, Value x, Partial to) {
  if (to.numbers.size() > kMaxRank) return c.Fail(Format("at most %d dimensions", kMaxRank), std::to_string(to.numbers.size()), "");
  const Shape& in = c.shape(x);
  const bool keep_zero = c.Bool("allowzero", false);
  Target target{.to = std::move(to)};
  for (int i = 0; i < static_cast<int>(target.to.numbers.size()); ++i) {
    Number& n = target.to.numbers[static_cast<size_t>(i)];
    if (n.known && n.value == 0 && !keep_zero && i < in.rank()) {
      target.copies = true;
      n = in[i] == kUnknown ? Number::Dimension(x.id, i) : Number::Of(in[i]);
    }
    if (n.known && (n.value < -1 || n.value > INT32_MAX)) return c.Fail("dimensions", std::to_string(n.value), "check the model");
    target.shape.push_back(n.known ? static_cast<int32_t>(n.value) : kUnknown);
    target.open += target.shape.back() == kUnknown;
  }
  return target;
}

// What of the target is known beside its numbers. Open dimensions of the input that the target has, too, cancel: of [N, M, 64] to [N, M, -1, 8] the -1
// is 8, of [N, 64] to [3*N, -1, 4] as well. Where one is left, N, the number that nothing else tells is a multiple of it: [-1, 4].
void SolveOpen(NodeContext& c, Value x, Target* target) {
  int64_t own = 1, wanted = 1;
  const auto times = [](int64_t n, int64_t* product) { return !__builtin_mul_overflow(*product, n, product); };
  std::vector<std::pair<int, Number>> left;  // Open axes of x that the target has not.
  for (int i = 0; i < c.shape(x).rank(); ++i) {
    const int32_t size = c.shape(x)[i];
    if (size == kUnknown) left.emplace_back(i, c.builder().Resolve(Number::Dimension(x.id, i)));
    if (!times(size == kUnknown ? left.back().second.times : size, &own)) return;
  }
  int asked = -1;
  for (int i = 0; i < target->shape.rank(); ++i) {
    const Number from = c.builder().Resolve(target->to.numbers[static_cast<size_t>(i)]);
    const auto same = [&](const auto& d) { return !from.known && d.second.tensor >= 0 && d.second.tensor == from.tensor && d.second.axis == from.axis; };
    const auto it = std::ranges::find_if(left, same);
    if (it != left.end()) {
      left.erase(it);
    } else if (!from.known || from.value == -1) {
      if (asked >= 0) return;
      asked = i;
      continue;
    }
    if (!times(from.known ? from.value : from.times, &wanted)) return;
  }
  if (asked < 0 || wanted < 1 || own % wanted != 0 || left.size() > 1) return;
  Number& n = target->to.numbers[static_cast<size_t>(asked)];
  if (left.size() == 1) {
    const auto& [axis, from] = left[0];
    n = own / wanted == from.times ? Number::Dimension(x.id, axis) : Number{false, 0, from.tensor, from.axis, own / wanted};
    return;
  }
  target->shape[asked] = static_cast<int32_t>(std::min<int64_t>(own / wanted, INT32_MAX));
  n = Number::Of(target->shape[asked]);
  --target->open;
}

// Hands on what is known of the open dimensions of y, made from x.
void TellOpen(NodeContext& c, Value x, const Target& target, Value y) {
  if (y.id == x.id) return;
  for (int i = 0; i < target.shape.rank(); ++i) {
    const Number& n = target.to.numbers[static_cast<size_t>(i)];
    if (target.shape[i] == kUnknown && !n.known && n.tensor >= 0) c.builder().SetDimension(y, i, n);
  }
}

// Of a known input, the one open dimension is what the others leave.
Shape WithRest(Shape shape, const Shape& in) {
  int64_t rest = 1;
  for (const int32_t d : shape.dims()) rest *= d == kUnknown ? 1 : d;
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] == kUnknown && rest > 0) shape[i] = static_cast<int32_t>(in.elements() / rest);
  return shape;
}

// At most one dimension is open: -1 stands for it.
Status ReshapeToNumbers(NodeContext& c, Value x, Target target) {
  const Shape& in = c.shape(x);
  if (target.open == 1 && in.known()) target.shape = WithRest(target.shape, in);
  OCTET_ASSIGN(const Value y, in == target.shape && target.open == 0 ? Result<Value>(x) : c.Emit("reshape", {x, c.Vector(target.shape.dims())}));
  TellOpen(c, x, target, y);
  return Set(c, y);
}

// Whether every dimension is the input's own.
bool IsShapeOf(NodeContext& c, Value x, const Partial& to) {
  const Shape& in = c.shape(x);
  if (in.dims().size() != to.numbers.size()) return false;
  for (int i = 0; i < in.rank(); ++i) {
    const Number& n = to.numbers[static_cast<size_t>(i)];
    if (n.known ? n.value != in[i] : !n.Is(x.id, i)) return false;
  }
  return true;
}

Status ReshapeToComputed(NodeContext& c, Value x, const Target& target) {
  OCTET_ASSIGN(const Value wanted, ShapeOf(c, target.to, c.Input(1), x, target.copies));
  OCTET_ASSIGN(const Value y, c.Emit("reshape", {x, wanted}));
  c.RefineShape(y, target.shape);
  TellOpen(c, x, target, y);
  return Set(c, y);
}

Status ConvertReshape(NodeContext& c) {
  const Value x = c.Input(0);
  Partial to = c.PartialFor(x, c.Input(1));
  if (!to.valid) {
    OCTET_ASSIGN(const Value shape, c.Cast(c.Input(1), DType::kI32));
    return Set(c, c.Emit("reshape", {x, shape}));
  }
  OCTET_ASSIGN(Target target, ReadTarget(c, x, std::move(to)));
  SolveOpen(c, x, &target);
  if (target.open <= 1) return ReshapeToNumbers(c, x, std::move(target));
  if (IsShapeOf(c, x, target.to)) return Set(c, x);
  return ReshapeToComputed(c, x, target);
}

// [d0*…*d(axis-1), the rest]
Status ConvertFlatten(NodeContext& c) {
  const Shape in = c.shape(c.Input(0));
  const int64_t given = c.Int("axis", 1);
  const auto axis = static_cast<int>(given < 0 ? given + in.rank() : given);
  if (axis < 0 || axis > in.rank()) return c.Fail("an axis of the input", std::to_string(given), "check the model");
  if (in.rank() == 2 && axis == 1) return Set(c, c.Input(0));
  const auto product = [&](int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; ++i) n = in[i] == kUnknown || n == kUnknown ? kUnknown : n * in[i];
    return n > INT32_MAX ? kUnknown : static_cast<int32_t>(n);
  };
  const auto dim = [&](int from, int to) { return Dim{product(from, to), to - from == 1 ? c.Input(0) : Value{}, from}; };
  const Dim dims[] = {dim(0, axis), dim(axis, in.rank())};
  return Set(c, Reshape(c, c.Input(0), dims));
}

Result<std::vector<int32_t>> SortedAxes(NodeContext& c, int rank) {
  OCTET_ASSIGN(const std::vector<int64_t> given, c.IntsAt(1, "axes", {}));
  std::vector<int32_t> axes;
  for (const int64_t a : given) {
    OCTET_ASSIGN(const int32_t axis, c.Axis(a, rank));
    axes.push_back(axis);
  }
  std::ranges::sort(axes);
  return axes;
}

Status ConvertSqueeze(NodeContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x);
  OCTET_ASSIGN(std::vector<int32_t> axes, SortedAxes(c, in.rank()));
  if (axes.empty())
    for (int i = 0; i < in.rank(); ++i)
      if (in[i] == 1) axes.push_back(i);
  Shape out;
  for (int i = 0; i < in.rank(); ++i)
    if (std::ranges::find(axes, i) == axes.end()) out.push_back(in[i]);
  const bool plain = std::ranges::count(out.dims(), kUnknown) <= 1;
  OCTET_ASSIGN(const Value y, plain ? c.Reshape(x, out) : c.Make("squeeze", {x}, {{"squeeze_dims", axes}}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertUnsqueeze(NodeContext& c) {
  Value y = c.Input(0);
  OCTET_ASSIGN(const std::vector<int64_t> given, c.IntsAt(1, "axes", {}));
  const int rank = c.rank(y) + static_cast<int>(given.size());
  if (rank > kMaxRank) return c.Fail(Format("at most %d dimensions", kMaxRank), std::to_string(rank), "");
  OCTET_ASSIGN(const std::vector<int32_t> axes, SortedAxes(c, rank));
  Shape out;
  for (int i = 0, next = 0; i < rank; ++i) out.push_back(std::ranges::find(axes, i) != axes.end() || next >= c.rank(y) ? 1 : c.shape(y)[next++]);
  if (std::ranges::count(out.dims(), kUnknown) <= 1) {
    OCTET_ASSIGN(y, c.Reshape(y, out));
  } else {
    for (const int32_t a : axes) {
      OCTET_ASSIGN(y, ops::InsertAxis(c, y, a));
    }
  }
  c.SetOutput(0, y);
  return {};
}

Shape ShapeKnown(const Partial& p) {
  Shape s;
  for (const Number& n : p.numbers) s.push_back(n.known ? static_cast<int32_t>(n.value) : kUnknown);
  return s;
}

// What of x's dimensions a target spreads, and how far.
struct Spread {
  Shape shape = {};
  bool same = false;  // None.
  bool told = true;   // By numbers that are known.
};

Spread SpreadTo(const Shape& in, Value x, const Partial& to) {
  const int rank = std::max(in.rank(), static_cast<int>(to.numbers.size()));
  Spread spread{.same = rank == in.rank()};
  for (int i = 0; i < rank; ++i) {
    const int a = i - (rank - in.rank()), b = i - (rank - static_cast<int>(to.numbers.size()));
    const int32_t own = a >= 0 ? in[a] : 1;
    const Number n = b >= 0 ? to.numbers[static_cast<size_t>(b)] : Number::Of(1);
    const bool same = (n.known && n.value == 1) || n.Is(x.id, a) || (n.known && n.value == own);
    spread.shape.push_back(same ? own : n.known && own == 1 ? static_cast<int32_t>(n.value) : own > 1 ? own : kUnknown);
    spread.same &= same || own > 1;
    spread.told &= same || own > 1 || (n.known && own == 1);
  }
  return spread;
}

// Constant ones that spread a tensor whose open dimensions stay; empty where they would be many.
Value OnesToSpread(NodeContext& c, const Shape& in, const Shape& out) {
  constexpr int64_t kMost = 1 << 16;
  Shape shape;
  for (int i = 0; i < out.rank(); ++i) {
    const int a = i - (out.rank() - in.rank());
    const int32_t own = a >= 0 ? in[a] : 1;
    shape.push_back(out[i] == own ? 1 : out[i]);
  }
  if (c.type(c.Input(0)).dtype != DType::kF32 || !c.IsSmall(shape, kMost)) return {};
  return c.Constant<float>(shape, std::vector<float>(static_cast<size_t>(shape.elements()), 1.0f));
}

// x times ones of the wanted shape: that stretches both ways, as ONNX means it.
Result<Value> SpreadByOnes(NodeContext& c, Value x, const Partial& to) {
  const DType t = c.type(x).dtype;
  OCTET_ASSIGN(const Value shape, to.valid ? ShapeOf(c, to, c.Input(1), x) : c.Cast(c.Input(1), DType::kI32));
  Value wide = x;
  if (t != DType::kF32 && t != DType::kI32 && t != DType::kI64) {
    OCTET_ASSIGN(wide, c.Cast(x, DType::kI32));
  }
  OCTET_ASSIGN(const Value one, c.Cast(c.Scalar(1.0f), c.type(wide).dtype));
  OCTET_ASSIGN(const Value ones, c.Emit("fill", {shape, one}));
  if (to.valid) c.RefineShape(ones, ShapeKnown(to));
  OCTET_ASSIGN(const Value y, c.Emit("mul", {wide, ones}));
  return c.Cast(y, t);
}

// Hands on what is known of y's open dimensions that x, of this shape, has not.
void TellSpread(NodeContext& c, const Shape& in, const Partial& to, Value y) {
  const int rank = c.rank(y), first = rank - static_cast<int>(to.numbers.size());
  for (int i = std::max(first, 0); i < rank; ++i) {
    const int a = i - (rank - in.rank());
    const Number& n = to.numbers[static_cast<size_t>(i - first)];
    if (c.shape(y)[i] == kUnknown && !n.known && (a < 0 || in[a] == 1)) c.builder().SetDimension(y, i, n);
  }
}

// Broadcast to the target where that is the larger one.
Status ConvertExpand(NodeContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x);
  Partial to = c.PartialFor(x, c.Input(1));
  if (!to.valid) to = Computed(c.shape(c.Input(1)));
  if (to.valid) {
    const int rank = std::max(in.rank(), static_cast<int>(to.numbers.size()));
    if (rank > kMaxRank) return c.Fail(Format("at most %d dimensions", kMaxRank), std::to_string(rank), "");
    const Spread spread = SpreadTo(in, x, to);
    if (spread.same) return Set(c, x);
    if (spread.shape.known()) return Set(c, c.Make("broadcast_to", {x, c.Vector(spread.shape.dims())}));
    if (const Value ones = spread.told ? OnesToSpread(c, in, spread.shape) : Value{}) return Set(c, c.Emit("mul", {x, ones}));
  }
  OCTET_ASSIGN(const Value y, SpreadByOnes(c, x, to));
  TellSpread(c, in, to, y);
  return Set(c, y);
}

Status ConvertIdentity(NodeContext& c) {
  c.SetOutput(0, c.num_inputs() > 0 ? c.input(0) : Binding());
  return {};
}

Status ConvertCast(NodeContext& c) {
  const auto to = static_cast<int32_t>(c.kind() == "CastLike" ? 0 : c.Int("to", 0));
  const DType t = c.kind() == "CastLike" ? c.type(c.Input(1)).dtype : ComputeType(to);
  const DType from = c.type(c.Input(0)).dtype;
  if (to == kInt4 || to == kUint4) return c.Fail("numbers of at least 8 bits", std::string(TypeName(to)), "leave that cast out");
  if (t == DType::kNone || t == DType::kString || from == DType::kString)
    return c.Fail("numbers", from == DType::kString ? "text" : std::string(TypeName(to)), "leave that cast out");
  Value x = c.Input(0);
  if (from == DType::kF32 && t == DType::kBool) {  // As the operator does: not zero is true.
    OCTET_ASSIGN(x, c.Emit("not_equal", {x, c.Scalar(0.0f)}));
  }
  const bool small = t == DType::kI8 || t == DType::kU8 || t == DType::kI16 || t == DType::kU16;
  if (from == DType::kF32 && small) {  // Wraps like an integer instead of stopping at the limits.
    OCTET_ASSIGN(x, c.Cast(x, DType::kI32));
  }
  OCTET_ASSIGN(const Value y, c.CastOfSource(x, to == kFloat16 ? DType::kF16 : to == kBfloat16 ? DType::kBF16 : t));
  c.SetOutput(0, y);
  return {};
}

// The same bits as another type of the same size.
Status ConvertBitCast(NodeContext& c) {
  const DType t = ComputeType(static_cast<int32_t>(c.Int("to", 0))), from = c.type(c.Input(0)).dtype;
  if (BitsOf(t) != BitsOf(from) || t == DType::kNone)
    return c.Fail("types of one size", std::string(NumpyName(from)) + " and " + std::string(NumpyName(t)), "");
  OCTET_ASSIGN(const Value y, c.EmitAs("bitcast", std::vector<Value>{c.Input(0)}, nullptr, {t, c.shape(c.Input(0)), {}}));
  c.SetOutput(0, y);
  return {};
}

// At inference it hands its input on; the mask is all true.
Status ConvertDropout(NodeContext& c) {
  c.SetOutput(0, c.Input(0));
  if (!c.wants(1)) return {};
  OCTET_ASSIGN(const Value same, c.Emit("equal", {c.Input(0), c.Input(0)}));
  c.SetOutput(1, same);
  return {};
}

Status ConvertConstant(NodeContext& c) {
  if (const AttributeProto* a = c.Find("value"); a && a->t) {
    OCTET_ASSIGN(const Value v, c.builder().Stored(*a->t, c.place()));
    c.SetOutput(0, v);
    return {};
  }
  if (c.Has("value_float")) c.SetOutput(0, c.Scalar(static_cast<float>(c.Number("value_float", 0))));
  if (const AttributeProto* a = c.Find("value_floats"))
    c.SetOutput(0, c.Constant<float>(Shape{static_cast<int32_t>(a->floats.size())}, std::span<const float>(a->floats)));
  if (const AttributeProto* a = c.Find("value_ints"))
    c.SetOutput(0, c.Constant<int64_t>(Shape{static_cast<int32_t>(a->ints.size())}, std::span<const int64_t>(a->ints)));
  if (const AttributeProto* a = c.Find("value_int")) c.SetOutput(0, c.Constant<int64_t>(Shape{}, std::span(&a->i, 1)));
  return c.outputs().empty() ? c.Fail("a tensor or numbers", "another kind of constant", "make it dense") : Status();
}

Status ConvertConstantOfShape(NodeContext& c) {
  Value value = c.Scalar(0.0f);
  if (const AttributeProto* a = c.Find("value"); a && a->t) {
    OCTET_ASSIGN(value, c.builder().Stored(*a->t, c.place()));
    OCTET_ASSIGN(value, c.Reshape(value, Shape{}));
  }
  OCTET_ASSIGN(const Value shape, c.Cast(c.Input(0), DType::kI32));
  OCTET_ASSIGN(const Value y, c.Emit("fill", {shape, value}));
  Partial p = c.PartialOf(c.Input(0));
  if (!p.valid) p = Computed(c.shape(c.Input(0)));  // At least how many dimensions there are.
  if (p.valid && !c.is_constant(y)) c.RefineShape(y, ShapeKnown(p));
  c.SetOutput(0, y);
  return {};
}

constexpr NodeRule kRules[] = {
    {"Shape", 0, ConvertShape},       {"Size", 0, ConvertSize},           {"Reshape", 0, ConvertReshape},   {"Flatten", 0, ConvertFlatten},
    {"Squeeze", 0, ConvertSqueeze},   {"Unsqueeze", 0, ConvertUnsqueeze}, {"Expand", 0, ConvertExpand},     {"Identity", 0, ConvertIdentity},
    {"Cast", 0, ConvertCast},         {"CastLike", 0, ConvertCast},         {"BitCast", 0, ConvertBitCast},       {"Dropout", 0, ConvertDropout},
      {"Constant", 0, ConvertConstant}, {"ConstantOfShape", 0, ConvertConstantOfShape}};

}  // namespace

Result<Value> ShapeOf(NodeContext& c, const Partial& numbers, Value computed, Value like, bool copies) {
  enum class From { kConstant, kLike, kComputed };
  const std::vector<Number>& all = numbers.numbers;
  const auto from = [&](const Number& n) { return n.known ? From::kConstant : n.tensor == like.id && n.times == 1 ? From::kLike : From::kComputed; };
  const bool simple = std::ranges::none_of(all, [&](const Number& n) { return from(n) == From::kComputed; });
  if (!simple && !copies) return c.Cast(computed, DType::kI32);  // All of it is there.
  std::vector<Value> parts;
  for (size_t i = 0, end = 0; i < all.size(); i = end) {
    const From kind = from(all[i]);
    for (end = i + 1; kind != From::kLike && end < all.size() && from(all[end]) == kind;) ++end;  // Sizes one by one: passes ask for them further up.
    if (kind == From::kConstant) {
      std::vector<int32_t> known;
      for (size_t k = i; k < end; ++k) known.push_back(static_cast<int32_t>(all[k].value));
      parts.push_back(c.Vector(known));
      continue;
    }
    OCTET_ASSIGN(const Value sizes,
                 kind == From::kLike ? c.Make("shape", {like}, {{"out_type", static_cast<int64_t>(DType::kI32)}}) : c.Cast(computed, DType::kI32));
    const int32_t begin = kind == From::kLike ? all[i].axis : static_cast<int32_t>(i);
    OCTET_ASSIGN(const Value part, c.Make("slice", {sizes, c.Vector({begin}), c.Vector({static_cast<int32_t>(end - i)})}));
    parts.push_back(part);
  }
  return c.Make("concatenation", parts, {{"axis", 0}});
}

const std::span<const NodeRule> kShapeRules = kRules;

}  // namespace octet::importers::onnx
