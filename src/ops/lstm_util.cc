// SPDX-License-Identifier: Apache-2.0
#include "ops/lstm_util.h"

namespace octet::ops {
namespace {

Status Expect(const OpView& op, int i, std::initializer_list<int64_t> dims) {
  const TensorType* t = op.in(i);
  if (!t) return {};
  bool same = t->shape.rank() == static_cast<int>(dims.size());
  for (int d = 0; same && d < t->shape.rank(); ++d) same = t->shape[d] == dims.begin()[d];
  if (same) return {};
  std::string wanted;
  for (int64_t d : dims) wanted += (wanted.empty() ? "" : ",") + std::to_string(d);
  return op.Fail(Code::kInvalidModel, "operand %d has shape %s, expected [%s]", i, t->shape.text().c_str(),
                 wanted.c_str());
}

Status ExpectElements(const OpView& op, int i, int64_t count) {
  const Shape& s = op.in(i)->shape;
  if (s.known() && s.elements() == count) return {};
  return op.Fail(Code::kInvalidModel, "state %d has shape %s, expected %lld elements", i, s.text().c_str(),
                 static_cast<long long>(count));
}

Status CheckPresence(const OpView& op) {
  const bool no_input_gate = !op.in(kLstmInputWeights);
  const bool peephole = op.in(kLstmPeephole + 1), norm = op.in(kLstmNorm + kForgetGate);
  for (int gate = 0; gate < 4; ++gate) {
    const bool gone = gate == kInputGate && no_input_gate;
    const auto wrong = [&](int operand, bool wanted) { return (op.in(operand) != nullptr) != wanted; };
    if (wrong(kLstmInputWeights + gate, !gone) || wrong(kLstmRecurrentWeights + gate, !gone) ||
        wrong(kLstmBias + gate, !gone) || wrong(kLstmNorm + gate, norm && !gone) ||
        (gate != kCellGate && wrong(LstmPeepholeOf(gate), peephole && !gone)))
      return op.Fail(Code::kInvalidModel, "the operands of gate %d are not complete", gate);
  }
  if (!op.in(kLstmProjection) && op.in(kLstmProjectionBias))
    return op.Fail(Code::kInvalidModel, "a projection bias without projection");
  return {};
}

}  // namespace

LstmSizes LstmSizesOf(const OpView& op, bool time_major) {
  const Shape& in = op.in(kLstmInput)->shape;
  const Shape& recurrent = op.in(kLstmRecurrentWeights + kOutputGate)->shape;
  return {in[time_major ? 0 : 1], in[time_major ? 1 : 0], in[2], recurrent[0], recurrent[1], time_major};
}

Status CheckLstm(const OpView& op, bool time_major) {
  const Shape& in = op.in(kLstmInput)->shape;
  if (in.rank() != 3)
    return op.Fail(Code::kInvalidModel, "expected a sequence of rank 3, found %s", in.text().c_str());
  if (op.in(kLstmRecurrentWeights + kOutputGate)->shape.rank() != 2)
    return op.Fail(Code::kUnsupported, "recurrent weights must be matrices; diagonal ones have no kernel");
  const LstmSizes s = LstmSizesOf(op, time_major);
  if (s.inputs == kUnknown || s.cells < 1 || s.outputs < 1)
    return op.Fail(Code::kUnsupported, "feature and cell counts must be known");
  OCTET_TRY(CheckPresence(op));
  for (int gate = 0; gate < 4; ++gate) {
    OCTET_TRY(Expect(op, kLstmInputWeights + gate, {s.cells, s.inputs}));
    OCTET_TRY(Expect(op, kLstmRecurrentWeights + gate, {s.cells, s.outputs}));
    OCTET_TRY(Expect(op, kLstmBias + gate, {s.cells}));
    OCTET_TRY(Expect(op, kLstmNorm + gate, {s.cells}));
    if (gate != kCellGate) OCTET_TRY(Expect(op, LstmPeepholeOf(gate), {s.cells}));
  }
  OCTET_TRY(Expect(op, kLstmProjection, {s.outputs, s.cells}));
  OCTET_TRY(Expect(op, kLstmProjectionBias, {s.outputs}));
  if (!op.in(kLstmProjection) && s.outputs != s.cells)
    return op.Fail(Code::kInvalidModel, "%lld outputs of %lld cells need a projection",
                   static_cast<long long>(s.outputs), static_cast<long long>(s.cells));
  if (s.batch == kUnknown) return {};
  OCTET_TRY(ExpectElements(op, kLstmOutputState, s.batch * s.outputs));
  return ExpectElements(op, kLstmCellState, s.batch * s.cells);
}

}  // namespace octet::ops
