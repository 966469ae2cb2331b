// SPDX-License-Identifier: Apache-2.0
#include "ops/lstm_util.h"

#include "ops/recurrent_util.h"

namespace octet::ops {
namespace {

constexpr size_t kIntermediates8 = 12;  // What tells products of 8 bits from those of 16, which have 5.

Status Expect(const OpView& op, int i, std::initializer_list<int64_t> dims) {
  const TensorType* t = OperandOf(op, i);
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
  return op.Fail(Code::kInvalidModel, "state %d has shape %s, expected %lld elements: the model keeps states for one size of batch, run no other", i,
                 s.text().c_str(), static_cast<long long>(count));
}

Status CheckPresence(const OpView& op, const LstmOperands& at) {
  const auto has = [&](int i) { return OperandOf(op, i) != nullptr; };
  const bool coupled = !has(at.input_weights[kInputGate]), peephole = has(at.peephole[kForgetGate]);
  const bool norm = has(at.norm[kForgetGate]), aux = has(at.aux_weights[kForgetGate]);
  for (int gate = 0; gate < 4; ++gate) {
    const bool there = gate != kInputGate || !coupled;
    if (has(at.input_weights[gate]) != there || has(at.recurrent_weights[gate]) != there || has(at.bias[gate]) != there ||
        has(at.norm[gate]) != (norm && there) || has(at.aux_weights[gate]) != (aux && there) ||
        has(at.peephole[gate]) != (peephole && there && gate != kCellGate))
      return op.Fail(Code::kInvalidModel, "the operands of gate %d are not complete", gate);
  }
  if (aux && !has(at.aux_input)) return op.Fail(Code::kInvalidModel, "auxiliary weights without an auxiliary input");
  if (!has(at.projection) && has(at.projection_bias))
    return op.Fail(Code::kInvalidModel, "a projection bias without projection");
  return {};
}

// Recurrent weights of rank 1 are the diagonal of a matrix, always in float.
Status CheckRecurrentWeights(const OpView& op, const LstmOperands& at, const LstmSizes& s, bool diagonal) {
  for (int i : at.recurrent_weights) {
    const TensorType* t = OperandOf(op, i);
    if (!t) continue;
    const bool is_diagonal = diagonal && t->shape.rank() == 1;
    const DType wanted = is_diagonal ? DType::kF32 : op.in(at.input_weights[kOutputGate])->dtype;
    if (t->dtype != wanted)
      return op.Fail(Code::kUnsupported, "operand %d has type %s, expected %s", i, std::string(Name(t->dtype)).c_str(),
                     std::string(Name(wanted)).c_str());
    if (!is_diagonal) OCTET_TRY(Expect(op, i, {s.cells, s.outputs}));
    else OCTET_TRY(Expect(op, i, {s.cells}));
    if (is_diagonal && s.cells != s.outputs) return op.Fail(Code::kUnsupported, "diagonal recurrent weights do not go with a projection");
  }
  return {};
}

Status CheckAuxiliary(const OpView& op, const LstmOperands& at, const LstmSizes& s) {
  if (!OperandOf(op, at.aux_weights[kForgetGate])) return {};
  const Shape &in = op.in(at.input)->shape, &aux = op.in(at.aux_input)->shape;
  if (aux.rank() != 3 || aux[0] != in[0] || aux[1] != in[1])
    return op.Fail(Code::kInvalidModel, "the auxiliary input %s does not go along the input %s", aux.text().c_str(), in.text().c_str());
  for (int i : at.aux_weights) OCTET_TRY(Expect(op, i, {s.cells, s.aux_inputs}));
  return {};
}

struct Single {
  const LstmFloatParams* pass;
};

Status RunSingle(const void* params, const Run& run) {
  RunLstmFloat(*static_cast<const Single*>(params)->pass, run);
  return {};
}

}  // namespace

LstmSizes LstmSizesOf(const OpView& op, const LstmOperands& at, bool time_major) {
  const Shape& in = op.in(at.input)->shape;
  const Shape& recurrent = op.in(at.recurrent_weights[kOutputGate])->shape;
  const TensorType* aux = OperandOf(op, at.aux_weights[kForgetGate]) ? op.in(at.aux_input) : nullptr;
  const int64_t aux_inputs = aux && aux->shape.rank() > 0 ? aux->shape.back() : 0;
  const int32_t cells = recurrent[0], outputs = recurrent.rank() == 1 ? cells : recurrent[1];
  if (in.rank() == 2) return {1, in[0], in[1], cells, outputs, aux_inputs, true};
  return {in[time_major ? 0 : 1], in[time_major ? 1 : 0], in[2], cells, outputs, aux_inputs, time_major};
}

LstmPass LstmPassOf(const OpView& op, const LstmOperands& at, bool time_major) {
  LstmPass pass{.at = at, .sizes = LstmSizesOf(op, at, time_major)};
  pass.output_pitch = pass.sizes.outputs;
  return pass;
}

Status CheckLstm(const OpView& op, const LstmOperands& at, const LstmAttrs& attrs) {
  const Shape& recurrent = op.in(at.recurrent_weights[kOutputGate])->shape;
  if (recurrent.rank() != 2 && !(attrs.diagonal_recurrent_tensors && recurrent.rank() == 1))
    return op.Fail(Code::kInvalidModel, "expected recurrent weights of rank 2, found %s", recurrent.text().c_str());
  if (!(attrs.cell_clip >= 0) || !(attrs.proj_clip >= 0))
    return op.Fail(Code::kInvalidModel, "expected clips of at least 0, found cell_clip %g and proj_clip %g", static_cast<double>(attrs.cell_clip),
                   static_cast<double>(attrs.proj_clip));
  const LstmSizes s = LstmSizesOf(op, at, attrs.time_major);
  if (s.inputs == kUnknown || s.cells < 1 || s.outputs < 1)
    return op.Fail(Code::kUnsupported, "features, cells and outputs must be known, found %lld, %lld and %lld; give the model a fixed shape",
                   static_cast<long long>(s.inputs), static_cast<long long>(s.cells), static_cast<long long>(s.outputs));
  OCTET_TRY(CheckPresence(op, at));
  for (int gate = 0; gate < 4; ++gate) {
    OCTET_TRY(Expect(op, at.input_weights[gate], {s.cells, s.inputs}));
    OCTET_TRY(Expect(op, at.bias[gate], {s.cells}));
    OCTET_TRY(Expect(op, at.norm[gate], {s.cells}));
    OCTET_TRY(Expect(op, at.peephole[gate], {s.cells}));
  }
  OCTET_TRY(CheckRecurrentWeights(op, at, s, attrs.diagonal_recurrent_tensors));
  OCTET_TRY(CheckAuxiliary(op, at, s));
  OCTET_TRY(Expect(op, at.projection, {s.outputs, s.cells}));
  OCTET_TRY(Expect(op, at.projection_bias, {s.outputs}));
  if (!OperandOf(op, at.projection) && s.outputs != s.cells)
    return op.Fail(Code::kInvalidModel, "%lld outputs of %lld cells need a projection",
                   static_cast<long long>(s.outputs), static_cast<long long>(s.cells));
  if (s.batch == kUnknown) return {};
  OCTET_TRY(ExpectElements(op, at.output_state, s.batch * s.outputs));
  return ExpectElements(op, at.cell_state, s.batch * s.cells);
}

int64_t LstmMacs(const OpView& op, const LstmOperands& at, const LstmSizes& s) {
  const int64_t gates = OperandOf(op, at.input_weights[kInputGate]) ? 4 : 3;
  const bool diagonal = op.in(at.recurrent_weights[kOutputGate])->shape.rank() == 1;
  return gates * s.cells * (s.inputs + s.aux_inputs + (diagonal ? 1 : s.outputs)) + (OperandOf(op, at.projection) ? s.cells * s.outputs : 0);
}

Status PrepareLstm(Prepare& p, const LstmAttrs& attrs, const LstmPass& pass) {
  if (p.op.in(pass.at.input)->dtype == DType::kI8)
    return p.op.intermediates.size() == kIntermediates8 ? PrepareLstmInteger8(p, attrs, pass) : PrepareLstmInteger16(p, attrs, pass);
  auto* single = p.Params<Single>();
  OCTET_ASSIGN(single->pass, PrepareLstmFloat(p, attrs, pass));
  p.SetRun(RunSingle, single);
  return {};
}

}  // namespace octet::ops
