// SPDX-License-Identifier: Apache-2.0
// y = condition ? a : b, element by element; all three broadcast.
#include "base/thread_pool.h"
#include "ops/import.h"
#include "ops/shape_util.h"

namespace octet::ops::select_v2 {
namespace {

constexpr Operand kInputs[] = {{.name = "condition", .type = 'C'}, {.name = "a"}, {.name = "b"}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"C=bool T=f32|i8|u8|i16|i32|u32|i64|bool", 1}};
constexpr QuantRow kQuant[] = {{.operand = 1, .kind = QuantKind::kSameAs, .other = ~0}, {.operand = 2, .kind = QuantKind::kSameAs, .other = ~0}};

struct Params {
  int rank = 0;
  int64_t count = 0;
  int64_t dim[kMaxRank], condition[kMaxRank], a[kMaxRank], b[kMaxRank];  // Strides are 0 where stretched.
};

bool Broadcasted(const OpView& op, Shape* out) {
  Shape values;
  return BroadcastShape(op.in(1)->shape, op.in(2)->shape, &values) && BroadcastShape(op.in(0)->shape, values, out);
}

Status Check(const OpView& op) {
  Shape out;
  if (Broadcasted(op, &out)) return {};
  return op.Fail(Code::kInvalidModel, "shapes %s, %s and %s do not broadcast", op.in(0)->shape.text().c_str(), op.in(1)->shape.text().c_str(), op.in(2)->shape.text().c_str());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(1)->dtype;
  Broadcasted(op, &out[0].shape);
  return {};
}

template <class T> Status RunSelect(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const bool* condition = run.input<bool>(0);
  const T *a = run.input<T>(1), *b = run.input<T>(2);
  T* y = run.output<T>(0);
  int64_t index[kMaxRank] = {}, at_c = 0, at_a = 0, at_b = 0;
  for (int64_t i = 0; i < p.count; ++i) {
    y[i] = condition[at_c] ? a[at_a] : b[at_b];
    for (int d = p.rank - 1; d >= 0; --d) {  // The next index, like an odometer.
      at_c += p.condition[d];
      at_a += p.a[d];
      at_b += p.b[d];
      if (++index[d] < p.dim[d]) break;
      at_c -= p.condition[d] * p.dim[d];
      at_a -= p.a[d] * p.dim[d];
      at_b -= p.b[d] * p.dim[d];
      index[d] = 0;
    }
  }
  return {};
}

void FillStrides(const Shape& s, const Shape& out, int64_t (&strides)[kMaxRank]) {
  const auto own = Strides(s);
  for (int i = 0; i < out.rank(); ++i) {
    const int at = i - (out.rank() - s.rank());
    strides[i] = at < 0 || s[at] == 1 ? 0 : own[at];
  }
}

Status PrepareReference(Prepare& prepare) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  const Shape& out = op.out(0)->shape;
  p->rank = out.rank();
  p->count = out.elements();
  for (int i = 0; i < p->rank; ++i) p->dim[i] = out[i];
  FillStrides(op.in(0)->shape, out, p->condition);
  FillStrides(op.in(1)->shape, out, p->a);
  FillStrides(op.in(2)->shape, out, p->b);
  switch (BitsOf(op.in(1)->dtype)) {
    case 8: prepare.SetRun(RunSelect<int8_t>, p); break;
    case 16: prepare.SetRun(RunSelect<int16_t>, p); break;
    case 32: prepare.SetRun(RunSelect<int32_t>, p); break;
    default: prepare.SetRun(RunSelect<int64_t>, p); break;
  }
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) {
  OCTET_ASSIGN(Value y, c.Emit("select_v2", {c.Input(0), c.Input(1), c.Input(2)}));
  c.SetOutput(0, y);
  return {};
}
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Where", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "select_v2",
    .code = BuiltinCode::kSelectV2,
    .attrs = Layout<NoAttrs>(OptionsTable::kSelectV2, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kElementwise,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::select_v2
