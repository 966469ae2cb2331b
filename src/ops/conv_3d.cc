// SPDX-License-Identifier: Apache-2.0
// Convolution over volumes, NDHWC with weights [d, h, w, in, out].
#include "base/thread_pool.h"
#include "ops/conv_3d_f32_util.h"
#include "ops/import.h"

namespace octet::ops::conv_3d {
namespace {

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "filter", .role = Role::kWeights},
                               {.name = "bias", .arity = Arity::kOptional, .role = Role::kBias}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32"}};
constexpr QuantRow kQuant[] = {{.operand = 1, .kind = QuantKind::kPerChannel, .axis = 4}};  // Where its channels are: it has no integer form.

Status Check(const OpView& op) {
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  OCTET_TRY(CheckConv3d(op, x, w));
  if (w[3] != x[4]) return op.Fail(Code::kInvalidModel, "the filter %s does not fit %d input channels", w.text().c_str(), x[4]);
  return CheckBias(op, 2, w[4]);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  out[0].shape = {x[0]};
  for (int i = 0; i < 3; ++i) {
    out[0].shape.push_back(SlideConv3d(op.attrs<Conv3dAttrs>(), x, w, i).out);
    if (out[0].shape.back() == 0) return op.Fail(Code::kInvalidModel, "the filter %s is larger than the input %s", w.text().c_str(), x.text().c_str());
  }
  out[0].shape.push_back(w[4]);
  return {};
}

Cost EstimateCost(const OpView& op) {
  const Shape &x = op.in(0)->shape, &y = op.out(0)->shape, &w = op.in(1)->shape;
  return {y.elements() * w.elements(0, 4), (x.elements() + y.elements() + w.elements()) * 4};
}

struct Params {
  Conv3dGeometry g;
  ClampF32 clamp;
};

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Conv3dGeometry& g = p.g;
  const float *x = run.input<float>(0), *weights = run.input<float>(1), *bias = run.input<float>(2);
  const int64_t volume = g.large[0] * g.large[1] * g.large[2] * g.in_c;
  run.pool->For(g.batch * g.small[0] * g.small[1], [&](int64_t task, int) {
    const float* image = x + task / (g.small[0] * g.small[1]) * volume;
    for (int64_t j = 0; j < g.small[2]; ++j) {
      float* y = run.output<float>(0) + (task * g.small[2] + j) * g.out_c;
      std::fill_n(y, g.out_c, 0.0f);
      ForEachCell(g, {task / g.small[1] % g.small[0], task % g.small[1], j}, [&](int64_t cell, int64_t tap) {
        const float *from = image + cell * g.in_c, *w = weights + tap * g.in_c * g.out_c;
        for (int64_t c = 0; c < g.in_c; ++c, w += g.out_c)
          for (int64_t o = 0; o < g.out_c; ++o) y[o] += from[c] * w[o];
      });
      for (int64_t o = 0; o < g.out_c; ++o) y[o] = std::clamp(y[o] + (bias ? bias[o] : 0.0f), p.clamp.low, p.clamp.high);
    }
  });
  return {};
}

Conv3dGeometry GeometryOf(const OpView& op) {
  const Shape& w = op.in(1)->shape;
  Conv3dGeometry g = MakeConv3dGeometry(op.attrs<Conv3dAttrs>(), op.in(0)->shape, op.out(0)->shape, w);
  g.in_c = w[3], g.out_c = w[4];
  return g;
}

Status PrepareReference(Prepare& prepare) {
  auto* p = prepare.Params<Params>();
  p->g = GeometryOf(prepare.op);
  p->clamp = FloatClamp(prepare.op.attrs<Conv3dAttrs>().activation);
  prepare.SetRun(RunFloat, p);
  return {};
}

bool TakesPacked(const OpView& op, const Cpu&) { return op.has_const(1) && (!op.in(2) || op.has_const(2)) && op.in(0)->shape.elements() > 0; }
Status PreparePacked(Prepare& prepare) {
  return PrepareConv3dF32(prepare, GeometryOf(prepare.op), FloatClamp(prepare.op.attrs<Conv3dAttrs>().activation));
}

constexpr Variant kVariants[] = {{.name = "packed_f32", .takes = TakesPacked, .prepare = PreparePacked}, {.name = "reference", .prepare = PrepareReference}};

// Keras keeps its weights as the file does: [d, h, w, in, out].
Status FromKeras(ImportContext& c) {
  OCTET_ASSIGN(const Conv3dAttrs attrs, ReadKerasConv3d(c));
  OCTET_ASSIGN(const Value filter, c.Weight(0));
  if (c.rank(filter) != 5) return c.Fail("weights of rank 5", c.shape(filter).text(), "save the model again");
  OCTET_ASSIGN(const Value bias, BiasOrZeros(c, 1, c.shape(filter)[4]));
  OCTET_ASSIGN(Value y, c.Emit("conv_3d", {c.Input(0), filter, bias}, attrs));
  OCTET_ASSIGN(y, c.Activate(y));
  c.SetOutput(0, y);
  return {};
}
constexpr ImportRule kRules[] = {
    {Source::kKeras, "Conv3D", 0, FromKeras},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "conv_3d",
    .code = BuiltinCode::kConv3d,
    .attrs = Layout<Conv3dAttrs>(OptionsTable::kConv3D, kConv3dRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
    .cost = EstimateCost,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::conv_3d
