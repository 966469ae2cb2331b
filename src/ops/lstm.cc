// SPDX-License-Identifier: Apache-2.0
// LSTM: one step of the cell for a batch; the states live between runs. Two kernels under one code:
// full (lstm_util.h), and basic: one product over [x, h] for all four gates, float or uint8 with int16
// cells, whose next states and scratch are outputs, too.
#include <cmath>
#include <cstring>

#include "ops/fixed_point_util.h"
#include "ops/import.h"
#include "ops/lstm_util.h"
#include "ops/operand_util.h"

namespace octet::ops::lstm {
namespace {

struct Attrs {
  Activation fused_activation_function = Activation::kNone;
  float cell_clip = 0;
  float proj_clip = 0;
  int8_t kernel_type = 0;
  bool asymmetric_quantize_inputs = false;
};
constexpr AttrRow kRows[] = {
    Attr<&Attrs::fused_activation_function>("fused_activation_function", 0), Attr<&Attrs::cell_clip>("cell_clip", 1),
    Attr<&Attrs::proj_clip>("proj_clip", 2), Attr<&Attrs::kernel_type>("kernel_type", 3),
    Attr<&Attrs::asymmetric_quantize_inputs>("asymmetric_quantize_inputs", 4)};
constexpr int8_t kBasic = 1;

// Named after the full kernel. The basic one has five: input, previous activation, weights, bias, previous
// state. Its types are checked by hand, since one position means different things to the two.
constexpr Operand kInputs[] = {
    {.name = "input"},
    LstmWeights("input_to_input_weights", 'I', Arity::kOptional),
    LstmWeights("input_to_forget_weights", 'W'),
    LstmWeights("input_to_cell_weights", 'G'),
    LstmWeights("input_to_output_weights", 'O'),
    LstmWeights("recurrent_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("recurrent_to_forget_weights", 'W', Arity::kOptional),
    LstmWeights("recurrent_to_cell_weights", 'W', Arity::kOptional),
    LstmWeights("recurrent_to_output_weights", 'W', Arity::kOptional),
    LstmWeights("cell_to_input_weights", 'P', Arity::kOptional),
    LstmWeights("cell_to_forget_weights", 'P', Arity::kOptional),
    LstmWeights("cell_to_output_weights", 'P', Arity::kOptional),
    LstmBias("input_gate_bias", Arity::kOptional),
    LstmBias("forget_gate_bias", Arity::kOptional),
    LstmBias("cell_gate_bias", Arity::kOptional),
    LstmBias("output_gate_bias", Arity::kOptional),
    LstmWeights("projection_weights", 'W', Arity::kOptional),
    LstmBias("projection_bias", Arity::kOptional),
    {"output_state", 'S', Arity::kOptional, Role::kState},
    {"cell_state", 'C', Arity::kOptional, Role::kState},
    LstmWeights("input_layer_norm_coefficients", 'N', Arity::kOptional),
    LstmWeights("forget_layer_norm_coefficients", 'N', Arity::kOptional),
    LstmWeights("cell_layer_norm_coefficients", 'N', Arity::kOptional),
    LstmWeights("output_layer_norm_coefficients", 'N', Arity::kOptional),
};
constexpr Operand kOutputs[] = {{.name = "output"},
                                {.name = "state", .type = 'X', .arity = Arity::kOptional},
                                {.name = "concatenation", .arity = Arity::kOptional},
                                {.name = "gates", .type = 'X', .arity = Arity::kOptional}};
constexpr TypeRow kTypes[] = {{"T=f32 I=f32 W=f32 G=f32 O=f32 P=f32 B=f32 N=f32 S=f32 C=f32 X=f32"},
                              {"T=u8 I=u8 W=u8 G=i32 O=i16 X=i16", 2},
                              {"T=f32 I=i8|u8 W=i8|u8 G=i8|u8 O=i8|u8 P=i8|u8 B=f32 N=f32 S=f32 C=f32", 3},
                              {"T=i8 I=i8 W=i8 G=i8 O=i8 P=i16 B=i32 N=i16 S=i8 C=i16", 4}};

// Operands of the basic kernel.
enum { kData, kActivation, kWeightsOfAll, kBiasOfAll, kState };
enum { kNewActivation, kNewState, kConcatenation, kGates };

LstmAttrs FullAttrs(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  return {.fused_activation_function = a.fused_activation_function, .cell_clip = a.cell_clip, .proj_clip = a.proj_clip, .time_major = true,
          .asymmetric_quantize_inputs = a.asymmetric_quantize_inputs};
}

Status CheckBasic(const OpView& op, size_t outputs) {
  if (op.num_inputs() != 5 || outputs != 4)
    return op.Fail(Code::kInvalidModel, "the basic kernel has 5 operands and 4 outputs, found %d and %zu", op.num_inputs(), outputs);
  for (int i = 0; i < 5; ++i)
    if (!op.in(i)) return op.Fail(Code::kInvalidModel, "operand %d is missing", i);
  const Shape &x = op.in(kData)->shape, &h = op.in(kActivation)->shape, &w = op.in(kWeightsOfAll)->shape, &b = op.in(kBiasOfAll)->shape;
  const bool ranks = x.rank() == 2 && h.rank() == 2 && w.rank() == 2 && b.rank() == 1 && x[1] > 0 && h[1] > 0 && h[1] < (1 << 28);
  if (!ranks || w[0] != 4 * h[1] || int64_t{w[1]} != int64_t{x[1]} + h[1] || b[0] != w[0] || !(op.in(kState)->shape == h) || (x[0] != kUnknown && x[0] != h[0]))
    return op.Fail(Code::kInvalidModel, "input %s, activation %s, weights %s, bias %s and state %s do not fit", x.text().c_str(), h.text().c_str(),
                   w.text().c_str(), b.text().c_str(), op.in(kState)->shape.text().c_str());
  if (op.has_const(kActivation) || op.has_const(kState)) return op.Fail(Code::kInvalidModel, "the states are constants");
  if (op.in(kData)->dtype == DType::kF32) return {};
  OCTET_TRY(CheckPerTensor(op, *op.in(kWeightsOfAll), "weights"));
  OCTET_TRY(CheckPerTensor(op, *op.in(kBiasOfAll), "bias"));
  if (op.in(kState)->quant.scale0() == 0x1p-11f) return {};
  return op.Fail(Code::kUnsupported, "the state's scale must be 2^-11, found %g", static_cast<double>(op.in(kState)->quant.scale0()));
}

Status CheckFull(const OpView& op) {
  if (op.num_inputs() != 20 && op.num_inputs() != 24)
    return op.Fail(Code::kInvalidModel, "expected 20 or 24 operands, found %d", op.num_inputs());
  const LstmOperands at;
  for (int i : {at.recurrent_weights[1], at.recurrent_weights[2], at.recurrent_weights[3], at.bias[1], at.bias[2], at.bias[3], at.output_state, at.cell_state})
    if (!op.in(i)) return op.Fail(Code::kInvalidModel, "operand %d is missing", i);
  const Shape& in = op.in(0)->shape;
  if (in.rank() != 2) return op.Fail(Code::kInvalidModel, "expected an input of rank 2, found %s", in.text().c_str());
  return CheckLstm(op, at, FullAttrs(op));
}

Status Check(const OpView& op) {
  const int8_t kernel = op.attrs<Attrs>().kernel_type;
  if (kernel != 0 && kernel != kBasic) return op.Fail(Code::kInvalidModel, "there is no kernel type %d", kernel);
  return kernel == kBasic ? Status() : CheckFull(op);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  if (op.attrs<Attrs>().kernel_type == kBasic) {
    OCTET_TRY(CheckBasic(op, out.size()));
    const Shape &x = op.in(kData)->shape, &w = op.in(kWeightsOfAll)->shape;
    const DType wide = op.in(kState)->dtype;
    out[kNewActivation].shape = op.in(kActivation)->shape;
    out[kNewState] = {wide, op.in(kState)->shape};
    out[kConcatenation].shape = {x[0], w[1]};
    out[kGates] = {wide, Shape{x[0], w[0]}};
    return {};
  }
  if (out.size() != 1) return op.Fail(Code::kInvalidModel, "the full kernel has 1 output, found %zu", out.size());
  out[0].shape = {op.in(0)->shape[0], static_cast<int32_t>(LstmSizesOf(op, {}, true).outputs)};
  return {};
}

int Version(const OpView& op) {
  const int version = RowVersion(op);
  if (op.attrs<Attrs>().asymmetric_quantize_inputs && version == 3) return 4;
  return op.attrs<Attrs>().kernel_type == kBasic ? std::max(version, 2) : version;
}

Cost CostOfStep(const OpView& op) {
  const int64_t bits = BitsOf(op.in(2)->dtype);
  const int64_t weights = op.attrs<Attrs>().kernel_type == kBasic ? op.in(kWeightsOfAll)->shape.elements() : LstmMacs(op, {}, LstmSizesOf(op, {}, true));
  return {.macs = op.in(0)->shape[0] * weights, .bytes = weights * bits / 8};
}

// ------------------------------------------------------------------------------ basic kernel

struct Basic {
  int64_t batch, inputs, cells;
  int32_t weights_zero;
  Multiplier accumulator;  // To Q3.12.
};

// gates ← finish(bias + W·[x, h]); [x, h] is an output.
template <class T, class Bias, class Gate, class Finish>
void Gates(const Basic& p, const Run& run, int32_t x_zero, int32_t w_zero, const Finish& finish) {
  const int64_t depth = p.inputs + p.cells;
  T* joined = run.output<T>(kConcatenation);
  const T* w = run.input<T>(kWeightsOfAll);
  for (int64_t b = 0; b < p.batch; ++b, joined += depth) {
    std::copy_n(run.input<T>(kData) + b * p.inputs, p.inputs, joined);
    std::copy_n(run.input<T>(kActivation) + b * p.cells, p.cells, joined + p.inputs);
    for (int64_t o = 0; o < 4 * p.cells; ++o) {
      Bias sum = run.input<Bias>(kBiasOfAll)[o];
      for (int64_t k = 0; k < depth; ++k)
        sum += (static_cast<Bias>(joined[k]) - static_cast<Bias>(x_zero)) * (static_cast<Bias>(w[o * depth + k]) - static_cast<Bias>(w_zero));
      run.output<Gate>(kGates)[b * 4 * p.cells + o] = finish(sum);
    }
  }
}

// The new states also become the next run's previous ones.
template <class T, class S> void KeepStates(const Basic& p, const Run& run) {
  std::copy_n(run.output<T>(kNewActivation), p.batch * p.cells, reinterpret_cast<T*>(run.in[kActivation]));
  std::copy_n(run.output<S>(kNewState), p.batch * p.cells, reinterpret_cast<S*>(run.in[kState]));
}

Status RunBasicFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Basic*>(params);
  Gates<float, float, float>(p, run, 0, 0, [](float v) { return v; });
  const auto logistic = [](float v) { return 1.0f / (1.0f + std::exp(-v)); };
  for (int64_t i = 0; i < p.batch * p.cells; ++i) {
    const float* gate = run.output<float>(kGates) + i / p.cells * 4 * p.cells + i % p.cells;  // Input, candidate, forget, output.
    const float state = logistic(gate[0]) * std::tanh(gate[p.cells]) + logistic(gate[2 * p.cells]) * run.input<float>(kState)[i];
    run.output<float>(kNewState)[i] = state;
    run.output<float>(kNewActivation)[i] = logistic(gate[3 * p.cells]) * std::tanh(state);
  }
  KeepStates<float, float>(p, run);
  return {};
}

// LiteRT's only kernel takes its product from its fast library, whose second rounding breaks ties upwards.
int16_t ToGate(int32_t sum, Multiplier m) {
  const int left = std::max(m.shift, 0), right = std::max(-m.shift, 0);
  const int64_t high = RoundingDoublingHighMul(static_cast<int32_t>(static_cast<uint32_t>(sum) << left), m.mantissa);
  return Saturate<int16_t>(static_cast<int32_t>((high + (int64_t{1} << right >> 1)) >> right));
}

// Activations have zero point 128 and scale 2^-7, gates are Q3.12, states Q4.11.
Status RunBasicInteger(const void* params, const Run& run) {
  using namespace fixed;
  const auto& p = *static_cast<const Basic*>(params);
  Gates<uint8_t, int32_t, int16_t>(p, run, 128, p.weights_zero, [&](int32_t v) { return ToGate(v, p.accumulator); });
  for (int64_t i = 0; i < p.batch * p.cells; ++i) {
    const int16_t* gate = run.output<int16_t>(kGates) + i / p.cells * 4 * p.cells + i % p.cells;  // Input, candidate, forget, output.
    const int16_t added = Multiply(Logistic<int16_t, 3>(gate[0]), fixed::Tanh<int16_t, 3>(gate[p.cells]));
    const int16_t kept = Multiply(Logistic<int16_t, 3>(gate[2 * p.cells]), run.input<int16_t>(kState)[i]);
    const auto state = Saturate<int16_t>(DividePot(added, 4) + kept);
    const int16_t tanh = fixed::Tanh<int16_t, 3>(MultiplyPot(state, 1));
    const int16_t activation = DividePot(Multiply(Logistic<int16_t, 3>(gate[3 * p.cells]), tanh), 8);
    run.output<int16_t>(kNewState)[i] = state;
    run.output<uint8_t>(kNewActivation)[i] = static_cast<uint8_t>(128 + Saturate<int8_t>(activation));
  }
  KeepStates<uint8_t, int16_t>(p, run);
  return {};
}

Status PrepareBasic(Prepare& p) {
  const OpView& op = p.op;
  const Shape &x = op.in(kData)->shape, &h = op.in(kActivation)->shape;
  auto* params = p.Params<Basic>();
  *params = {x[0], x[1], h[1], op.in(kWeightsOfAll)->quant.zero0(), QuantizeMultiplier(4096.0 * static_cast<double>(op.in(kBiasOfAll)->quant.scale0()))};
  p.SetRun(op.in(kData)->dtype == DType::kF32 ? RunBasicFloat : RunBasicInteger, params);
  return {};
}

Status PrepareStep(Prepare& p) {
  if (p.op.attrs<Attrs>().kernel_type == kBasic) return PrepareBasic(p);
  if (p.op.in(kData)->dtype == DType::kU8) return p.op.Fail(Code::kUnsupported, "uint8 runs in the basic kernel only");
  return PrepareLstm(p, FullAttrs(p.op), LstmPassOf(p.op, {}, true));
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareStep}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "lstm",
    .code = BuiltinCode::kLstm,
    .attrs = Layout<Attrs>(OptionsTable::kLSTM, kRows),
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

}  // namespace octet::ops::lstm
