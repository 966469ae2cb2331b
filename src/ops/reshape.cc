// SPDX-License-Identifier: Apache-2.0
// Reshape: the same elements in the same order under new dimensions; one of them may be -1.
#include <algorithm>

#include "ops/import.h"
#include "ops/keras_conv_util.h"
#include "ops/layout_util.h"
#include "ops/move_attrs.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::reshape {
namespace {

struct Attrs {
  Ints new_shape;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::new_shape>("new_shape", 0)};

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "shape", .type = 'S', .arity = Arity::kOptional, .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"S=i32"}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

// The wanted dimensions: the second input wins over the attribute, as in LiteRT. False: not known yet.
bool Wanted(const OpView& op, IntList* wanted) {
  if (op.in(1)) return ReadInts(op, 1, wanted);
  const std::span<const int32_t> dims = op.attrs<Attrs>().new_shape.span();
  wanted->count = static_cast<int64_t>(dims.size());
  std::ranges::copy(dims, wanted->v.begin());
  return true;
}

Status Check(const OpView& op) {
  if (op.in(1) && op.in(1)->shape.rank() != 1)
    return op.Fail(Code::kInvalidModel, "the new shape must be a vector, found %s", op.in(1)->shape.text().c_str());
  IntList wanted;
  if (!Wanted(op, &wanted)) return {};
  if (wanted.count > kMaxRank)
    return op.Fail(Code::kUnsupported, "rank %lld is above %d", static_cast<long long>(wanted.count), kMaxRank);
  if (std::ranges::count(wanted.span(), -1) > 1)
    return op.Fail(Code::kInvalidModel, "more than one dimension is -1");
  for (int64_t d : wanted.span())
    if (d < -1 || d > INT32_MAX)
      return op.Fail(Code::kInvalidModel, "dimension %lld is not in [-1, 2^31)", static_cast<long long>(d));
  return {};
}

// Number of elements that the dimensions other than -1 span; false when 64 bits do not hold it.
bool Product(const IntList& wanted, int64_t* product) {
  *product = 1;
  for (int64_t d : wanted.span())
    if (d != -1 && __builtin_mul_overflow(*product, d, product)) return false;
  return true;
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  IntList wanted;
  if (!Wanted(op, &wanted)) {
    out[0].dynamic = true;
    return {};
  }
  const Shape& in = op.in(0)->shape;
  int64_t rest = 0;
  if (!Product(wanted, &rest)) return op.Fail(Code::kInvalidModel, "the new shape has too many elements");
  int stretch = -1;
  for (int64_t d : wanted.span()) {
    if (d == -1) stretch = out[0].shape.rank();
    out[0].shape.push_back(static_cast<int32_t>(d));
  }
  if (!in.known()) return {};
  const int64_t n = in.elements();
  const bool fits = stretch < 0 ? n == rest : n == 0 || (rest != 0 && n % rest == 0 && FitsDimension(n / rest));
  if (!fits)
    return op.Fail(Code::kInvalidModel, "%s has %lld elements, which do not fill %s", in.text().c_str(),
                   static_cast<long long>(n), out[0].shape.text().c_str());
  if (stretch >= 0) out[0].shape[stretch] = rest == 0 ? 0 : static_cast<int32_t>(n / rest);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareIdentity}};

// To a shape whose batch and one other dimension are free: the batch is asked for when the model runs.
Status SetKeepingBatch(ImportContext& c, Value x, const Shape& shape) {
  OCTET_ASSIGN(const Value batch, DimensionOf(c, x, 0));
  std::vector<Value> dims = {batch};
  for (int i = 1; i < shape.rank(); ++i) dims.push_back(c.Constant<int32_t>(Shape{}, shape.dims().subspan(static_cast<size_t>(i), 1)));
  const PackAttrs pack{.values_count = shape.rank(), .axis = 0};
  OCTET_ASSIGN(const Value to, c.Emit("pack", dims, &pack));
  const Value inputs[] = {x, to};
  OCTET_ASSIGN(const Value y, c.EmitAs("reshape", inputs, nullptr, {c.type(x).dtype, shape, {}}));
  c.SetOutput(0, y);
  return {};
}

// Keras leaves the batch out of target_shape, and fills its -1 from one entry's elements.
Status FromKerasReshape(ImportContext& c) {
  const Shape& in = c.shape(c.Input(0));
  std::vector<int32_t> target = {-1};
  for (int64_t d : c.Ints("target_shape", {})) target.push_back(static_cast<int32_t>(d));
  if (target.size() > kMaxRank) return c.Fail(Format("at most %d dimensions", kMaxRank), std::to_string(target.size()), "");
  const auto stretch = std::find(target.begin() + 1, target.end(), -1);
  if (stretch != target.end()) {
    int64_t entry = 1, rest = 1;
    bool fits = true;
    for (int i = 1; i < in.rank(); ++i) fits &= !__builtin_mul_overflow(entry, int64_t{std::max(in[i], 0)}, &entry);
    for (size_t i = 1; i < target.size(); ++i)
      fits &= target[i] == -1 || !__builtin_mul_overflow(rest, int64_t{std::max(target[i], 0)}, &rest);
    if (fits && entry > 0 && rest > 0 && entry % rest == 0 && FitsDimension(entry / rest))
      *stretch = static_cast<int32_t>(entry / rest);
    else if (in.rank() >= 1) target[0] = in[0];
  }
  if (std::ranges::count(target, -1) > 1) return SetKeepingBatch(c, c.Input(0), Shape(std::span<const int32_t>(target)));
  OCTET_ASSIGN(Value y, c.Emit("reshape", {c.Input(0), c.Vector(target)}));
  c.SetOutput(0, y);
  return {};
}

Status FromKerasFlatten(ImportContext& c) {
  OCTET_ASSIGN(const Value x, ToChannelsLast(c, c.Input(0)));
  const Shape& in = c.shape(x);
  int64_t rest = 1;
  bool known = true;
  for (int i = 1; i < in.rank(); ++i)
    known &= in[i] != kUnknown && !__builtin_mul_overflow(rest, int64_t{in[i]}, &rest) && rest <= INT32_MAX;
  if (!known && in[0] == kUnknown) return SetKeepingBatch(c, x, {kUnknown, kUnknown});
  const Shape flat = {in.rank() < 1 ? 1 : in[0], known ? static_cast<int32_t>(rest) : kUnknown};
  OCTET_ASSIGN(Value y, ReshapeTo(c, x, flat));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {{Source::kKeras, "Reshape", 0, FromKerasReshape},
                                 {Source::kKeras, "Flatten", 0, FromKerasFlatten}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "reshape",
    .code = BuiltinCode::kReshape,
    .attrs = Layout<Attrs>(OptionsTable::kReshape, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes | kHomogeneous | kAliases,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::reshape
