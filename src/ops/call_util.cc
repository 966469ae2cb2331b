// SPDX-License-Identifier: Apache-2.0
#include "ops/call_util.h"

#include <algorithm>
#include <cstring>

namespace octet::ops {
namespace {

struct CallParams {
  int (*choose)(const Run& run, int callees);
  Callee* const* callees;
  int num_callees;
  int first, inputs, outputs;
  const Shape* in_shapes;
  const Shape* out_shapes;  // Null: running tells.
  const DType* out_types;
};

// Outputs whose shapes only the chosen callee knows.
Status CallLate(const CallParams& p, Callee& callee, std::span<const Callee::Bound> in, const Run& run) {
  std::vector<OutputType> types(p.outputs);
  for (int i = 0; i < p.outputs; ++i) types[i].dtype = p.out_types[i];
  OCTET_TRY(callee.Infer({p.in_shapes, static_cast<size_t>(p.inputs)}, types));
  std::vector<Callee::Bound> out(p.outputs);
  for (int i = 0; i < p.outputs; ++i) {
    if (types[i].dynamic) continue;
    OCTET_ASSIGN(std::byte* const room, run.host->SetOutput(i, types[i].shape));
    out[i] = {room, types[i].shape};
  }
  OCTET_TRY(callee.Call(in, out, *run.pool));
  for (int i = 0; i < p.outputs; ++i) {
    if (!types[i].dynamic) continue;
    OCTET_ASSIGN(std::byte* const room, run.host->SetOutput(i, out[i].shape));
    uint64_t bytes = 0;
    if (CheckedBytes(p.out_types[i], out[i].shape, &bytes) && bytes > 0) std::memcpy(room, out[i].data, bytes);
  }
  return {};
}

// The operands' addresses with their shapes: small, and put together anew for every call, in the workspace.
Status RunCall(const void* params, const Run& run) {
  const auto& p = *static_cast<const CallParams*>(params);
  const int chosen = p.choose(run, p.num_callees);
  auto* in = reinterpret_cast<Callee::Bound*>(run.workspace);
  for (int i = 0; i < p.inputs; ++i) new (in + i) Callee::Bound{run.in[p.first + i], p.in_shapes[i]};
  const std::span<const Callee::Bound> inputs(in, static_cast<size_t>(p.inputs));
  if (!p.out_shapes) return CallLate(p, *p.callees[chosen], inputs, run);
  Callee::Bound* out = in + p.inputs;
  for (int i = 0; i < p.outputs; ++i) new (out + i) Callee::Bound{run.out[i], p.out_shapes[i]};
  return p.callees[chosen]->Call(inputs, {out, static_cast<size_t>(p.outputs)}, *run.pool);
}

}  // namespace

Status CheckCallee(const OpView& op, const Callee& callee, int first, bool outputs) {
  const std::string name(callee.name());
  if (callee.num_inputs() != op.num_inputs() - first)
    return op.Fail(Code::kInvalidModel, "subgraph '%s' has %d inputs, %d are given", name.c_str(), callee.num_inputs(), op.num_inputs() - first);
  for (int i = 0; i < callee.num_inputs(); ++i) {
    const TensorType* in = op.in(first + i);
    if (in->dtype != callee.input(i).dtype)
      return op.Fail(Code::kInvalidModel, "input %d of subgraph '%s' is %s, %s is given", i, name.c_str(),
                     std::string(NumpyName(callee.input(i).dtype)).c_str(), std::string(NumpyName(in->dtype)).c_str());
  }
  if (!outputs) return {};
  if (callee.num_outputs() != op.num_outputs())
    return op.Fail(Code::kInvalidModel, "subgraph '%s' has %d outputs, %d are expected", name.c_str(), callee.num_outputs(), op.num_outputs());
  for (int i = 0; i < callee.num_outputs(); ++i)
    if (op.out(i) && op.out(i)->dtype != callee.output(i).dtype)
      return op.Fail(Code::kInvalidModel, "output %d of subgraph '%s' is %s, %s is expected", i, name.c_str(),
                     std::string(NumpyName(callee.output(i).dtype)).c_str(), std::string(NumpyName(op.out(i)->dtype)).c_str());
  return {};
}

void InputShapes(const OpView& op, int first, std::span<Shape> out) {
  for (size_t i = 0; i < out.size(); ++i) out[i] = op.in(first + static_cast<int>(i))->shape;
}

Status InferCall(const OpView& op, int first, std::span<OutputType> out, int chosen) {
  std::vector<Shape> shapes(op.num_inputs() - first);
  InputShapes(op, first, shapes);
  std::vector<OutputType> one(out.size());
  bool fresh = true;
  for (size_t c = 0; c < op.callees.size(); ++c) {
    if (chosen >= 0 && static_cast<size_t>(chosen) != c) continue;
    OCTET_TRY(op.callees[c]->Infer(shapes, one));
    for (size_t i = 0; i < out.size(); ++i) {
      out[i].dtype = op.callees[c]->output(static_cast<int>(i)).dtype;
      if (fresh) out[i].shape = one[i].shape;
      out[i].dynamic |= one[i].dynamic || !(out[i].shape == one[i].shape);
    }
    fresh = false;
  }
  return {};
}

Status PrepareCall(Prepare& p, int first, int (*choose)(const Run& run, int callees)) {
  const OpView& op = p.op;
  auto* params = p.Params<CallParams>();
  const int inputs = op.num_inputs() - first, outputs = op.num_outputs();
  auto* callees = p.Array<Callee*>(op.callees.size());
  std::copy(op.callees.begin(), op.callees.end(), callees);
  Shape* in_shapes = p.Array<Shape>(static_cast<size_t>(inputs));
  InputShapes(op, first, {in_shapes, static_cast<size_t>(inputs)});
  Shape* out_shapes = p.Array<Shape>(static_cast<size_t>(outputs));
  DType* out_types = p.Array<DType>(static_cast<size_t>(outputs));
  for (int i = 0; i < outputs; ++i) {
    out_shapes[i] = op.out(i)->shape;
    out_types[i] = op.out(i)->dtype;
  }
  *params = {choose, callees, static_cast<int>(op.callees.size()), first, inputs, outputs, in_shapes, p.late_outputs ? nullptr : out_shapes, out_types};
  p.Workspace(sizeof(Callee::Bound) * static_cast<size_t>(inputs + outputs));
  p.SetRun(RunCall, params);
  return {};
}

}  // namespace octet::ops
