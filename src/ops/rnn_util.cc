// SPDX-License-Identifier: Apache-2.0
#include "ops/rnn_util.h"

namespace octet::ops {
namespace {

using namespace recurrent;

template <class W> void Sequence(const RnnPass& p, const Run& run) {
  auto* next = reinterpret_cast<float*>(run.workspace);
  auto* x_scratch = reinterpret_cast<int8_t*>(next + p.units);
  int8_t *aux_scratch = x_scratch + p.inputs, *h_scratch = aux_scratch + p.aux_inputs;
  for (int64_t i = 0; i < p.steps * p.batch; ++i) {
    const int64_t step = p.backward ? p.steps - 1 - i / p.batch : i / p.batch, b = i % p.batch;
    const int64_t row = p.time_major ? step * p.batch + b : b * p.steps + step;
    float* h = reinterpret_cast<float*>(run.in[p.at.state]) + b * p.units;
    std::copy_n(run.input<float>(p.at.bias), p.units, next);
    const Row x = MakeRow<W>(run.input<float>(p.at.input) + row * p.inputs, p.inputs, p.mode, x_scratch);
    AddProduct(run.input<W>(p.at.weights), p.input_scale, x, p.units, p.inputs, next);
    if (p.aux_inputs > 0) {
      const Row aux = MakeRow<W>(run.input<float>(p.at.aux_input) + row * p.aux_inputs, p.aux_inputs, p.mode, aux_scratch);
      AddProduct(run.input<W>(p.at.aux_weights), p.aux_scale, aux, p.units, p.aux_inputs, next);
    }
    const Row previous = MakeRow<W>(h, p.units, p.mode, h_scratch);
    AddProduct(run.input<W>(p.at.recurrent), p.recurrent_scale, previous, p.units, p.units, next);
    Activate(p.activation, next, p.units);
    std::copy_n(next, p.units, h);
    std::copy_n(next, p.units, run.output<float>(p.output) + row * p.output_pitch + p.output_offset);
  }
}

struct Single {
  RnnPass pass;
  bool hybrid;
};

Status RunSingle(const void* params, const Run& run) {
  const auto& p = *static_cast<const Single*>(params);
  RunRnn(p.pass, p.hybrid, run);
  return {};
}

}  // namespace

RnnPass RnnPassOf(const OpView& op, const RnnOperands& at, bool time_major, Activation activation, bool asymmetric) {
  const Shape& in = op.in(at.input)->shape;
  RnnPass p{.at = at, .inputs = in.back(), .units = op.in(at.weights)->shape[0], .time_major = time_major || in.rank() == 2,
            .mode = {asymmetric, op.in(at.weights)->dtype == DType::kU8}, .activation = activation};
  p.steps = in.rank() == 2 ? 1 : in[time_major ? 0 : 1];
  p.batch = in.rank() == 2 ? in[0] : in[time_major ? 1 : 0];
  p.output_pitch = p.units;
  p.input_scale = op.in(at.weights)->quant.scale0();
  p.recurrent_scale = op.in(at.recurrent)->quant.scale0();
  if (at.aux_weights >= 0 && op.in(at.aux_weights)) {
    p.aux_inputs = op.in(at.aux_input)->shape.back();
    p.aux_scale = op.in(at.aux_weights)->quant.scale0();
  }
  return p;
}

Status CheckRnn(const OpView& op, const RnnOperands& at, bool time_major, Activation activation) {
  const Shape &in = op.in(at.input)->shape, &w = op.in(at.weights)->shape, &r = op.in(at.recurrent)->shape,
              &b = op.in(at.bias)->shape, &h = op.in(at.state)->shape;
  OCTET_TRY(CheckRecurrentActivation(op, activation));
  const int32_t batch = in.rank() == 2 ? in[0] : in.rank() == 3 ? in[time_major ? 1 : 0] : 0;
  const bool fits = (in.rank() == 2 || in.rank() == 3) && w.rank() == 2 && w.known() && w[1] == in.back() && r == Shape{w[0], w[0]} &&
                    b == Shape{w[0]} && h.known() && (batch == kUnknown || h.elements() == int64_t{batch} * w[0]);
  if (!fits)
    return op.Fail(Code::kInvalidModel, "sequence %s, weights %s and %s, bias %s and state %s do not fit", in.text().c_str(),
                   w.text().c_str(), r.text().c_str(), b.text().c_str(), h.text().c_str());
  const TensorType *aux = at.aux_weights < 0 ? nullptr : op.in(at.aux_weights), *aux_in = at.aux_input < 0 ? nullptr : op.in(at.aux_input);
  if (!aux) return {};
  if (aux_in && aux_in->shape.rank() == 3 && aux_in->shape[0] == in[0] && aux_in->shape[1] == in[1] && aux->shape == Shape{w[0], aux_in->shape[2]}) return {};
  return op.Fail(Code::kInvalidModel, "auxiliary weights %s do not fit the auxiliary input", aux->shape.text().c_str());
}

Cost CostOfRnn(const OpView& op, const RnnPass& pass) {
  const int64_t rows = pass.steps * pass.batch, values = pass.inputs + pass.aux_inputs + pass.units, weights = pass.units * values;
  return {.macs = rows * weights, .bytes = weights * BitsOf(op.in(pass.at.weights)->dtype) / 8 + rows * values * 4};
}

size_t RnnWorkspace(const RnnPass& p) {
  return static_cast<size_t>(p.units) * sizeof(float) + static_cast<size_t>(p.inputs + p.aux_inputs + p.units);
}

// uint8 weights hold the same signed bytes: an old spelling of the format.
void RunRnn(const RnnPass& pass, bool hybrid, const Run& run) {
  if (hybrid) Sequence<int8_t>(pass, run);
  else Sequence<float>(pass, run);
}

Status PrepareRnn(Prepare& p, const RnnPass& pass) {
  auto* params = p.Params<Single>();
  *params = {pass, p.op.in(pass.at.weights)->dtype != DType::kF32};
  p.Workspace(RnnWorkspace(pass));
  p.SetRun(RunSingle, params);
  return {};
}

}  // namespace octet::ops
