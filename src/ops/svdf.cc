// SPDX-License-Identifier: Apache-2.0
// Svdf: a fully connected layer over the last `memory` inputs as filters of rank 1. Each filter's product with
// the input joins the state, which the weights over time then sum; `rank` filters make a unit:
//   s[f] ← (s[f] shifted, F[f]·x)    y[u] = act(b[u] + Σ_r T[u·rank + r]·s[u·rank + r])
// In float, with 8-bit weights and quantized inputs (hybrid), and in integers: int8 with int16 states.
#include "ops/import.h"
#include "ops/operand_util.h"
#include "ops/recurrent_util.h"

namespace octet::ops::svdf {
namespace {

using namespace recurrent;

struct Attrs {
  int32_t rank = 0;
  Activation fused_activation_function = Activation::kNone;
  bool asymmetric_quantize_inputs = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::rank>("rank", 0), Attr<&Attrs::fused_activation_function>("fused_activation_function", 1),
                             Attr<&Attrs::asymmetric_quantize_inputs>("asymmetric_quantize_inputs", 2)};

enum Input { kData, kFeature, kTime, kBias, kState };
constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "weights_feature", .type = 'F', .role = Role::kWeights},
                               {.name = "weights_time", .type = 'M', .role = Role::kWeights},
                               {.name = "bias", .type = 'B', .arity = Arity::kOptional, .role = Role::kBias},
                               {.name = "activation_state", .type = 'S', .role = Role::kState}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32 F=f32 M=f32 B=f32 S=f32"}, {"T=f32 F=i8|u8 M=i8|u8 B=f32 S=f32", 2}, {"T=i8 F=i8 M=i16 B=i32 S=i16", 3}};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(kData)->shape, &f = op.in(kFeature)->shape, &t = op.in(kTime)->shape, &s = op.in(kState)->shape;
  OCTET_TRY(CheckRecurrentActivation(op, a.fused_activation_function));
  const bool fits = a.rank > 0 && x.rank() == 2 && f.rank() == 2 && t.rank() == 2 && s.rank() == 2 && f[0] > 0 && f[0] % a.rank == 0 && f[1] == x[1] &&
                    t[0] == f[0] && t[1] > 0 && int64_t{s[1]} == int64_t{t[0]} * t[1] && (x[0] == kUnknown || s[0] == x[0]);
  if (!fits)
    return op.Fail(Code::kInvalidModel, "input %s, weights %s and %s, state %s and rank %d do not fit", x.text().c_str(), f.text().c_str(), t.text().c_str(),
                   s.text().c_str(), a.rank);
  if (op.in(kBias) && !(op.in(kBias)->shape == Shape{f[0] / a.rank}))
    return op.Fail(Code::kInvalidModel, "expected a bias of %d values, found %s", f[0] / a.rank, op.in(kBias)->shape.text().c_str());
  if (op.in(kData)->dtype == DType::kF32) return {};
  if (a.fused_activation_function != Activation::kRelu)
    return op.Fail(Code::kUnsupported, "in integers only relu has a kernel, found activation %d", static_cast<int>(a.fused_activation_function));
  for (int i : {kData, kFeature, kTime, kState}) OCTET_TRY(CheckPerTensor(op, *op.in(i), "an operand"));
  return op.out(0) ? CheckPerTensor(op, *op.out(0), "output") : Status();
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].shape = {op.in(kData)->shape[0], op.in(kFeature)->shape[0] / op.attrs<Attrs>().rank};
  return {};
}

int Version(const OpView& op) {
  const int version = RowVersion(op);
  return version == 2 && op.attrs<Attrs>().asymmetric_quantize_inputs ? 4 : version;
}

Cost CostOfStep(const OpView& op) {
  const Shape &f = op.in(kFeature)->shape, &t = op.in(kTime)->shape;
  const int64_t batch = op.in(kData)->shape[0], bits = BitsOf(op.in(kFeature)->dtype), state = BitsOf(op.in(kState)->dtype);
  return {batch * (f.elements() + t.elements()), (f.elements() * bits + t.elements() * BitsOf(op.in(kTime)->dtype) + 2 * batch * t.elements() * state) / 8};
}

struct Params {
  int64_t batch, inputs, filters, memory, rank;
  RowMode mode;
  Activation activation;
  float feature_scale, time_scale;                // Hybrid.
  Multiplier to_state, to_output;                 // Integers.
  int32_t input_zero, output_zero;
};

// The states of one batch entry move by one step; the newest place of each filter gets what `newest` gives.
template <class S, class Newest> void Push(const Params& p, S* state, const Newest& newest) {
  for (int64_t f = 0; f < p.filters; ++f, state += p.memory) {
    std::copy(state + 1, state + p.memory, state);
    state[p.memory - 1] = newest(f);
  }
}

template <class W> Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* products = reinterpret_cast<float*>(run.workspace);
  auto* scratch = reinterpret_cast<int8_t*>(products + p.filters);
  const int64_t units = p.filters / p.rank;
  for (int64_t b = 0; b < p.batch; ++b) {
    auto* state = reinterpret_cast<float*>(run.in[kState]) + b * p.filters * p.memory;
    const Row x = MakeRow<W>(run.input<float>(kData) + b * p.inputs, p.inputs, p.mode, scratch);
    std::fill_n(products, p.filters, 0.0f);
    AddProduct(run.input<W>(kFeature), p.feature_scale, x, p.filters, p.inputs, products);
    Push(p, state, [&](int64_t f) { return products[f]; });
    float* y = run.output<float>(0) + b * units;
    for (int64_t u = 0; u < units; ++u) {
      float sum = 0;
      for (int64_t f = u * p.rank; f < (u + 1) * p.rank; ++f) {
        float dot = 0;
        for (int64_t m = 0; m < p.memory; ++m) dot += static_cast<float>(run.input<W>(kTime)[f * p.memory + m]) * p.time_scale * state[f * p.memory + m];
        sum += dot;
      }
      y[u] = sum + (run.in[kBias] ? run.input<float>(kBias)[u] : 0.0f);
    }
    Activate(p.activation, y, units);
  }
  return {};
}

Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int64_t units = p.filters / p.rank;
  for (int64_t b = 0; b < p.batch; ++b) {
    auto* state = reinterpret_cast<int16_t*>(run.in[kState]) + b * p.filters * p.memory;
    const auto* x = run.input<int8_t>(kData) + b * p.inputs;
    Push(p, state, [&](int64_t f) {
      return Saturate<int16_t>(Requantize(Dot(run.input<int8_t>(kFeature) + f * p.inputs, x, p.inputs, p.input_zero), p.to_state));
    });
    for (int64_t u = 0; u < units; ++u) {
      auto sum = static_cast<uint32_t>(run.in[kBias] ? run.input<int32_t>(kBias)[u] : 0);  // Wraps, as the reference's.
      const int64_t first = u * p.rank * p.memory;
      for (int64_t i = first; i < first + p.rank * p.memory; ++i) sum += static_cast<uint32_t>(run.input<int16_t>(kTime)[i] * state[i]);
      run.output<int8_t>(0)[b * units + u] = Saturate<int8_t>(Requantize(static_cast<int32_t>(sum), p.to_output) + p.output_zero);
    }
  }
  return {};
}

Status PrepareStep(Prepare& prepare) {
  const OpView& op = prepare.op;
  const Attrs& a = op.attrs<Attrs>();
  auto* p = prepare.Params<Params>();
  const Shape &x = op.in(kData)->shape, &t = op.in(kTime)->shape;
  const bool hybrid = op.in(kFeature)->dtype != DType::kF32;
  const auto scale = [&](int i) { return op.in(i)->quant.scale0(); };
  *p = {x[0], x[1], t[0], t[1], a.rank, {a.asymmetric_quantize_inputs, op.in(kFeature)->dtype == DType::kU8}, a.fused_activation_function,
        scale(kFeature), hybrid ? scale(kTime) : 1.0f, {}, {}, 0, 0};
  if (op.in(kData)->dtype == DType::kF32) {
    prepare.Workspace(static_cast<size_t>(p->filters) * sizeof(float) + static_cast<size_t>(p->inputs));
    prepare.SetRun(hybrid ? RunFloat<int8_t> : RunFloat<float>, p);
    return {};
  }
  const TensorType& y = *op.out(0);
  p->to_state = QuantizeMultiplier(static_cast<double>(scale(kData) * scale(kFeature) / scale(kState)));
  p->to_output = QuantizeMultiplier(static_cast<double>(scale(kState) * scale(kTime) / y.quant.scale0()));
  p->input_zero = op.in(kData)->quant.zero0();
  p->output_zero = y.quant.zero0();
  prepare.SetRun(RunInteger, p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareStep}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "svdf",
    .code = BuiltinCode::kSvdf,
    .attrs = Layout<Attrs>(OptionsTable::kSVDF, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
    .cost = CostOfStep,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::svdf
