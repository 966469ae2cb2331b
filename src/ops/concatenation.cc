// SPDX-License-Identifier: Apache-2.0
// Concatenation: the inputs one after the other along `axis`. Only uint8 rescales inputs of another
// quantization: q = round(x·s_in/s_out - z_in·s_in/s_out) + z_out, in float, as LiteRT does.
#include <cmath>
#include <cstring>

#include "base/thread_pool.h"
#include "ops/import.h"
#include "ops/layout_util.h"
#include "ops/move_attrs.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"
#include "ops/quant_util.h"

namespace octet::ops::concatenation {
namespace {

using Attrs = ConcatenationAttrs;
constexpr AttrRow kRows[] = {Attr<&Attrs::axis>("axis", 0),
                             Attr<&Attrs::fused_activation_function>("fused_activation_function", 1)};

constexpr Operand kInputs[] = {{.name = "values", .arity = Arity::kMany}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|u8|i32|i64|bool"}, {"T=i8", 2}, {"T=i16", 3}, {"T=u32", 4}, {"T=i4", 5}, {"T=bf16", 6}};
constexpr QuantRow kQuant[] = {{.operand = 0, .kind = QuantKind::kSameAs, .other = ~0}};

Status Check(const OpView& op) {
  if (op.num_inputs() < 1) return op.Fail(Code::kInvalidModel, "no inputs");
  if (op.attrs<Attrs>().fused_activation_function != Activation::kNone)
    return op.Fail(Code::kUnsupported, "a fused activation has no kernel; write the activation as an operator behind it");
  const Shape& first = op.in(0)->shape;
  int axis = 0;
  if (!NormalizeAxis(op.attrs<Attrs>().axis, first.rank(), &axis))
    return op.Fail(Code::kInvalidModel, "axis %d is outside %s", op.attrs<Attrs>().axis, first.text().c_str());
  for (int i = 1; i < op.num_inputs(); ++i) {
    const Shape& other = op.in(i)->shape;
    bool same = other.rank() == first.rank();
    for (int d = 0; same && d < first.rank(); ++d)
      same = d == axis || first[d] == other[d] || first[d] == kUnknown || other[d] == kUnknown;
    if (!same)
      return op.Fail(Code::kInvalidModel, "input %d has shape %s, expected %s except along axis %d", i,
                     other.text().c_str(), first.text().c_str(), axis);
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  Shape shape = op.in(0)->shape;
  int axis = 0;
  NormalizeAxis(op.attrs<Attrs>().axis, shape.rank(), &axis);
  int64_t total = 0;
  bool known = true;
  for (const TensorType* t : op.inputs) {
    known &= t->shape[axis] != kUnknown;
    total += t->shape[axis];
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] == kUnknown) shape[d] = t->shape[d];
  }
  if (known && !FitsDimension(total))
    return op.Fail(Code::kInvalidModel, "the sum along axis %d is too large", axis);
  shape[axis] = known ? static_cast<int32_t>(total) : kUnknown;
  out[0].shape = shape;
  return {};
}

// Input i is `outer` rows of `row[i]` bytes; the output's rows are all of them side by side.
struct Params {
  int count;
  int64_t outer;
  int64_t row_bytes;
  const int64_t* row;
  const std::array<uint8_t, 256>* table;  // Per input, uint8 only; null when every scale agrees.
};

Status Join(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  std::byte* to = run.out[0];
  for (int64_t r = 0; r < p.outer; ++r) {
    for (int i = 0; i < p.count; ++i) {
      if (p.row[i] > 0) std::memcpy(to, run.in[i] + r * p.row[i], static_cast<size_t>(p.row[i]));
      to += p.row[i];
    }
  }
  return {};
}

Status JoinRescaled(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* to = run.output<uint8_t>(0);
  for (int64_t r = 0; r < p.outer; ++r) {
    for (int i = 0; i < p.count; ++i) {
      const uint8_t* from = run.input<uint8_t>(i) + r * p.row[i];
      for (int64_t k = 0; k < p.row[i]; ++k) *to++ = p.table[i][from[k]];
    }
  }
  return {};
}

std::array<uint8_t, 256> Rescale(const Quant& in, const Quant& out) {
  std::array<uint8_t, 256> table;
  const bool same = in.scale0() == out.scale0() && in.zero0() == out.zero0();
  const float scale = in.scale0() * (1.0f / out.scale0());
  const float bias = static_cast<float>(-in.zero0()) * scale;
  for (int q = 0; q < 256; ++q) {
    const float value = std::round(static_cast<float>(q) * scale + bias);
    // Clamped while still a float: the reference's conversion is undefined beyond int32, and for not-a-numbers (0 times an infinite ratio).
    table[q] = same ? static_cast<uint8_t>(q) : Saturate<uint8_t>(SaturateReal<int32_t>(value, -65536.0f, 65536.0f) + out.zero0());
  }
  return table;
}

Status PrepareJoin(Prepare& p) {
  const OpView& op = p.op;
  const Shape& shape = op.out(0)->shape;
  int axis = 0;
  NormalizeAxis(op.attrs<Attrs>().axis, shape.rank(), &axis);
  const int64_t inner_bits = shape.elements(axis + 1, shape.rank()) * BitsOf(op.out(0)->dtype);
  auto* params = p.Params<Params>();
  auto* row = p.Array<int64_t>(static_cast<size_t>(op.num_inputs()));
  bool rescale = false;
  for (int i = 0; i < op.num_inputs(); ++i) {
    const int64_t bits = op.in(i)->shape[axis] * inner_bits;
    if (bits % 8 != 0) return op.Fail(Code::kUnsupported, "rows of %lld bits do not fill bytes", static_cast<long long>(bits));
    row[i] = bits / 8;
    rescale |= op.in(i)->dtype == DType::kU8 && !(op.in(i)->quant == op.out(0)->quant);
  }
  *params = {op.num_inputs(), shape.elements(0, axis), shape[axis] * inner_bits / 8, row, nullptr};
  if (rescale) {
    auto* table = p.Array<std::array<uint8_t, 256>>(static_cast<size_t>(op.num_inputs()));
    for (int i = 0; i < op.num_inputs(); ++i) table[i] = Rescale(op.in(i)->quant, op.out(0)->quant);
    params->table = table;
  }
  p.SetRun(rescale ? JoinRescaled : Join, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareJoin}};

Status FromKeras(ImportContext& c) {
  std::vector<Value> inputs;
  for (int i = 0; i < c.num_inputs(); ++i) inputs.push_back(c.Input(i));
  if (inputs.empty()) return c.Fail("at least one input", "none", "connect the layer");
  int axis = 0;
  if (!NormalizeAxis(c.Int("axis", -1), c.rank(inputs[0]), &axis))
    return c.Fail("an axis inside the input's rank", std::to_string(c.Int("axis", -1)), "correct the layer's axis");
  const Attrs attrs{.axis = axis};
  Value y = inputs[0];
  if (inputs.size() > 1) {
    OCTET_ASSIGN(y, c.Emit("concatenation", inputs, &attrs));
  }
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {{Source::kKeras, "Concatenate", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "concatenation",
    .code = BuiltinCode::kConcatenation,
    .attrs = Layout<Attrs>(OptionsTable::kConcatenation, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::concatenation
