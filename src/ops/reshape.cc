// SPDX-License-Identifier: Apache-2.0
// Reshape: the same elements in the same order under new dimensions; one of them may be -1.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "ops/import.h"
#include "ops/shape_util.h"

namespace octet::ops::reshape {
namespace {

struct Attrs {
  Ints new_shape;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::new_shape>("new_shape", 0)};

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "shape", .type = 'S', .arity = Arity::kOptional, .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"S=i32"}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

// The wanted dimensions: the second input wins over the attribute, as in LiteRT.
bool Wanted(const OpView& op, std::span<const int32_t>* wanted) {
  if (op.in(1)) {
    *wanted = op.const_of<int32_t>(1);
    return op.has_const(1);
  }
  *wanted = op.attrs<Attrs>().new_shape.span();
  return true;
}

Status Check(const OpView& op) {
  if (op.in(1) && op.in(1)->shape.rank() != 1)
    return op.Fail(Code::kInvalidModel, "the new shape must be a vector, found %s", op.in(1)->shape.text().c_str());
  std::span<const int32_t> wanted;
  if (!Wanted(op, &wanted)) return {};
  if (wanted.size() > kMaxRank) return op.Fail(Code::kUnsupported, "rank %zu is above %d", wanted.size(), kMaxRank);
  if (std::ranges::count(wanted, -1) > 1) return op.Fail(Code::kInvalidModel, "more than one dimension is -1");
  for (int32_t d : wanted)
    if (d < -1) return op.Fail(Code::kInvalidModel, "dimension %d is negative", d);
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  std::span<const int32_t> wanted;
  if (!Wanted(op, &wanted)) {
    out[0].dynamic = true;
    return {};
  }
  const Shape& in = op.in(0)->shape;
  Shape shape(wanted);
  const auto stretch = std::ranges::find(wanted, -1);
  const int64_t rest = std::accumulate(wanted.begin(), wanted.end(), int64_t{1},
                                       [](int64_t a, int32_t d) { return d == -1 ? a : a * d; });
  if (in.known()) {
    const int64_t n = in.elements();
    if (stretch != wanted.end()) {
      if (rest == 0 || n % rest != 0)
        return op.Fail(Code::kInvalidModel, "%s does not divide into %s", in.text().c_str(), shape.text().c_str());
      shape[static_cast<int>(stretch - wanted.begin())] = static_cast<int32_t>(n / rest);
    } else if (n != rest) {
      return op.Fail(Code::kInvalidModel, "%s has %lld elements, %s has %lld", in.text().c_str(),
                     static_cast<long long>(n), shape.text().c_str(), static_cast<long long>(rest));
    }
  }
  out[0].shape = shape;
  return {};
}

struct Params {
  size_t bytes;
};

Status Copy(const void* params, const Run& run) {
  if (run.in[0] != run.out[0]) std::memcpy(run.out[0], run.in[0], static_cast<const Params*>(params)->bytes);
  return {};
}

Status PrepareCopy(Prepare& p) {
  auto* params = p.Params<Params>();
  uint64_t bytes = 0;
  if (!CheckedBytes(p.op.in(0)->dtype, p.op.in(0)->shape, &bytes)) return p.op.Fail(Code::kOutOfMemory, "too large");
  params->bytes = bytes;
  p.SetRun(Copy, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareCopy}};

// Keras leaves the batch out of target_shape; -1 keeps an unknown batch unknown.
Status FromKerasReshape(ImportContext& c) {
  std::vector<int32_t> target = {-1};
  for (int64_t d : c.Ints("target_shape", {})) target.push_back(static_cast<int32_t>(d));
  if (std::ranges::count(target, -1) > 1) {
    const Shape& in = c.shape(c.Input(0));
    if (in.rank() < 1 || in[0] == kUnknown)
      return c.Fail("a target shape without -1, or a fixed batch size", "both are unknown", "give every dimension of target_shape");
    target[0] = in[0];
  }
  OCTET_ASSIGN(Value y, c.Emit("reshape", {c.Input(0), c.Vector(target)}));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {{Source::kKeras, "Reshape", 0, FromKerasReshape}};

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
