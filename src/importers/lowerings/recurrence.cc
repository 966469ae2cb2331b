// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/recurrence.h"

#include <algorithm>

#include "importers/lowerings/scalars.h"

namespace octet::importers {
namespace {

// Keeps the old value where the step is masked.
Result<Value> Select(Lowering& c, Value mask, Value now, Value before, int32_t units) {
  if (!mask) return now;
  if (!before) {
    const std::vector<float> zeros(static_cast<size_t>(units), 0.0f);
    before = c.Constant<float>(Shape{1, units}, zeros);
  }
  return c.Make("select_v2", {mask, now, before});
}

// One step of all cells. `projected` is the first one's; mask is [batch, 1] or empty; `shown` the step before's output.
Status RunStep(Lowering& c, const Recurrence& r, std::vector<Value> projected, Value mask, std::vector<Value>* states, Value* shown) {
  size_t first = 0;
  Value output;
  for (size_t k = 0; k < r.cells.size(); ++k) {
    Cell& cell = *r.cells[k];
    const auto n = static_cast<size_t>(cell.num_states());
    const auto begin = states->begin() + static_cast<std::ptrdiff_t>(first);
    const std::vector<Value> before(begin, begin + static_cast<std::ptrdiff_t>(n));
    std::vector<Value> after = before;
    OCTET_TRY(cell.Step(c, projected, &after));
    output = after[0];
    for (size_t i = 0; i < n; ++i) {
      OCTET_ASSIGN((*states)[first + i], Select(c, mask, after[i], before[i], cell.units()));
    }
    if (k + 1 < r.cells.size()) {
      OCTET_ASSIGN(projected, r.cells[k + 1]->Project(c, output));
    }
    first += n;
  }
  OCTET_ASSIGN(*shown, Select(c, mask, output, r.zero_output ? Value{} : *shown, r.cells.back()->units()));
  return {};
}

Status CheckStates(Lowering& c, const Recurrence& r, std::vector<Value>* states) {
  size_t count = 0;
  for (const auto& cell : r.cells) count += static_cast<size_t>(cell->num_states());
  if (states->empty()) states->resize(count);
  return states->size() == count ? Status() : c.Fail(Format("%zu initial states", count), std::to_string(states->size()), "");
}

// ---------------------------------------------------------------------------------- written out

Result<Unrolled> Unroll(Lowering& c, const Recurrence& r, Value x, std::vector<Value> states, int32_t steps) {
  const auto unpack = [&](Value v) { return c.MakeMany("unpack", {v}, {{"num", steps}, {"axis", r.time_axis}}, steps); };
  OCTET_ASSIGN(const std::vector<Value> projected, r.cells[0]->Project(c, x));
  std::vector<std::vector<Value>> inputs;
  for (const Value p : projected) {
    OCTET_ASSIGN(std::vector<Value> list, unpack(p));
    inputs.push_back(std::move(list));
  }
  std::vector<Value> masks(static_cast<size_t>(steps));
  if (r.mask) {
    OCTET_ASSIGN(const Value column, c.Make("expand_dims", {r.mask, c.Vector({-1})}));
    OCTET_ASSIGN(masks, unpack(column));
  }
  Unrolled out{{}, {}, std::move(states)};
  std::vector<Value> shown(static_cast<size_t>(steps));
  for (int32_t i = 0; i < steps; ++i) {
    const auto t = static_cast<size_t>(r.backwards ? steps - 1 - i : i);
    std::vector<Value> now;
    for (const auto& list : inputs) now.push_back(list[t]);
    OCTET_TRY(RunStep(c, r, std::move(now), masks[t], &out.states, &out.last));
    shown[r.keeps_time ? t : static_cast<size_t>(i)] = out.last;
  }
  if (r.wants_sequence) {
    OCTET_ASSIGN(out.sequence, c.Make("pack", shown, {{"values_count", steps}, {"axis", r.time_axis}}));
  }
  return out;
}

// ----------------------------------------------------------------------------------- as a loop

// WHILE over: the step's number, how many there are, the sequence so far, what the last step showed (where there is a
// mask), the states; then what every step reads: projections, mask, weights that are no constants.
class StepLoop {
 public:
  StepLoop(Lowering& c, Recurrence& r) : c_(c), r_(r) {}

  Result<Unrolled> Run(Value x, std::vector<Value> states) {
    const Shape in = c_.shape(x);
    if (in.rank() != 3) return c_.Fail("[batch, time, features]", in.text(), "");
    batch_ = in[1 - r_.time_axis];
    OCTET_ASSIGN(projected_, r_.cells[0]->Project(c_, x));
    OCTET_TRY(MakeInputs(x, std::move(states)));
    OCTET_TRY(FindWeights());
    OCTET_ASSIGN(const int32_t test, BuildTest());
    OCTET_ASSIGN(const int32_t body, BuildBody());
    const int32_t both[] = {test, body};
    std::vector<TensorType> types;
    for (const Value v : inputs_) types.push_back(TypeInside(v));
    OCTET_ASSIGN(const std::vector<Value> out, c_.construction().CallSubgraphs("while", both, inputs_, types, c_.place()));
    Unrolled result;
    if (r_.wants_sequence) result.sequence = out[kSequence];
    const size_t first = FirstState();
    result.states.assign(out.begin() + static_cast<std::ptrdiff_t>(first), out.begin() + static_cast<std::ptrdiff_t>(first + num_states_));
    result.last = r_.mask ? out[first - 1] : out[first + num_states_ - static_cast<size_t>(r_.cells.back()->num_states())];
    return result;
  }

 private:
  static constexpr size_t kStep = 0, kCount = 1, kSequence = 2;
  size_t FirstState() const { return 2u + r_.wants_sequence + static_cast<bool>(r_.mask); }

  // What the sequence and the states are inside may have a free batch.
  TensorType TypeInside(Value v) const { return {c_.type(v).dtype, c_.shape(v), {}}; }

  Result<Value> Zeros(const std::vector<Value>& dims, Shape shape) {
    if (shape.known()) {
      const std::vector<float> zeros(static_cast<size_t>(shape.elements()), 0.0f);
      return c_.Constant<float>(shape, zeros);
    }
    OCTET_ASSIGN(const Value sizes, c_.Make("pack", dims, {{"values_count", static_cast<int64_t>(dims.size())}, {"axis", 0}}));
    OCTET_ASSIGN(const Value y, c_.Make("fill", {sizes, c_.Scalar(0)}));
    c_.construction().Refine(y, {DType::kF32, shape, {}});  // Its rank is no operator's to tell.
    return y;
  }
  Result<Value> Dimension(Value shape, int axis) { return c_.Make("gather", {shape, ScalarInt(c_, axis)}, {{"axis", 0}}); }

  Status MakeInputs(Value x, std::vector<Value> states) {
    OCTET_ASSIGN(const Value shape, c_.Make("shape", {x}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
    OCTET_ASSIGN(const Value batch, Dimension(shape, 1 - r_.time_axis));
    OCTET_ASSIGN(const Value count, Dimension(shape, r_.time_axis));
    const int32_t units = r_.cells.back()->units();
    inputs_ = {ScalarInt(c_, 0), count};
    if (r_.wants_sequence) {
      const int32_t steps = c_.shape(x)[r_.time_axis];
      std::vector<Value> dims = {batch, ScalarInt(c_, units)};
      dims.insert(dims.begin() + r_.time_axis, count);
      OCTET_ASSIGN(const Value nothing, Zeros(dims, r_.time_axis == 0 ? Shape{steps, batch_, units} : Shape{batch_, steps, units}));
      inputs_.push_back(nothing);
    }
    if (r_.mask) {
      OCTET_ASSIGN(const Value nothing, Zeros({batch, ScalarInt(c_, units)}, Shape{batch_, units}));
      inputs_.push_back(nothing);
    }
    num_states_ = states.size();
    size_t next = 0;
    for (const auto& cell : r_.cells) {
      for (int i = 0; i < cell->num_states(); ++i, ++next) {
        if (!states[next]) {
          OCTET_ASSIGN(states[next], Zeros({batch, ScalarInt(c_, cell->units())}, Shape{batch_, cell->units()}));
        }
        inputs_.push_back(states[next]);
      }
    }
    inputs_.insert(inputs_.end(), projected_.begin(), projected_.end());
    if (r_.mask) inputs_.push_back(r_.mask);
    return {};
  }

  // Weights that are computed come in as further values.
  Status FindWeights() {
    for (const auto& cell : r_.cells)
      for (const Value* w : cell->Weights())
        if (*w && !c_.data(*w) && std::ranges::find(inputs_, *w) == inputs_.end()) inputs_.push_back(*w);
    return {};
  }

  std::vector<Value> OpenWithInputs(const std::string& name) {
    std::vector<TensorType> types;
    for (const Value v : inputs_) types.push_back(TypeInside(v));
    Construction& k = c_.construction();
    k.OpenSubgraph(c_.place() + name);
    std::vector<Value> in;
    for (const TensorType& t : types) {
      in.push_back({k.graph().AddTensor(k.UniqueName(c_.place() + name + "/value"), t)});
      k.graph().inputs.push_back(in.back().id);
    }
    return in;
  }

  Result<int32_t> BuildTest() {
    const std::vector<Value> in = OpenWithInputs("/condition");
    OCTET_ASSIGN(const Value go, c_.Make("less", {in[kStep], in[kCount]}));
    c_.construction().graph().outputs = {go.id};
    return c_.construction().CloseSubgraph();
  }

  // The cells belong to the body from here on.
  void MoveWeights(const std::vector<Value>& in) {
    Construction& k = c_.construction();
    for (const auto& cell : r_.cells) {
      for (Value* w : cell->Weights()) {
        if (!*w) continue;
        const graph::Tensor& t = k.around().tensor(w->id);
        const auto at = std::ranges::find(inputs_, *w);
        *w = t.constant ? Value{k.graph().AddConstant(k.UniqueName(t.name), t.type, t.constant)} : in[static_cast<size_t>(at - inputs_.begin())];
      }
    }
  }

  Result<int32_t> BuildBody() {
    std::vector<Value> in = OpenWithInputs("/step");
    MoveWeights(in);
    Value t = in[kStep];
    if (r_.backwards) {
      OCTET_ASSIGN(t, c_.Make("sub", {in[kCount], t}));
      OCTET_ASSIGN(t, c_.Make("sub", {t, ScalarInt(c_, 1)}));
    }
    const size_t first = FirstState(), last = first + num_states_;
    std::vector<Value> now, states(in.begin() + static_cast<std::ptrdiff_t>(first), in.begin() + static_cast<std::ptrdiff_t>(last));
    for (size_t i = 0; i < projected_.size(); ++i) {
      OCTET_ASSIGN(const Value row, c_.Make("gather", {in[last + i], t}, {{"axis", r_.time_axis}}));
      now.push_back(row);
    }
    Value mask, shown;
    if (r_.mask) {
      shown = in[first - 1];
      OCTET_ASSIGN(mask, c_.Make("gather", {in[last + projected_.size()], t}, {{"axis", r_.time_axis}}));
      OCTET_ASSIGN(mask, c_.Make("expand_dims", {mask, c_.Vector({-1})}));
    }
    OCTET_TRY(RunStep(c_, r_, std::move(now), mask, &states, &shown));
    std::vector<Value> out = in;
    OCTET_ASSIGN(out[kStep], c_.Make("add", {in[kStep], ScalarInt(c_, 1)}));
    if (r_.wants_sequence) {
      OCTET_ASSIGN(out[kSequence], Written(in[kSequence], shown, r_.keeps_time ? t : in[kStep]));
    }
    if (r_.mask) out[first - 1] = shown;
    std::ranges::copy(states, out.begin() + static_cast<std::ptrdiff_t>(first));
    graph::Graph& g = c_.construction().graph();
    for (const Value v : out) g.outputs.push_back(v.id);
    return c_.construction().CloseSubgraph();
  }

  Result<Value> Written(Value sequence, Value row, Value at) {
    OCTET_ASSIGN(const Value update, c_.Make("expand_dims", {row, ScalarInt(c_, r_.time_axis)}));
    std::vector<Value> start = {ScalarInt(c_, 0), ScalarInt(c_, 0)};
    start.insert(start.begin() + r_.time_axis, at);
    OCTET_ASSIGN(const Value from, c_.Make("pack", start, {{"values_count", 3}, {"axis", 0}}));
    return c_.Make("dynamic_update_slice", {sequence, update, from});
  }

  Lowering& c_;
  Recurrence& r_;
  int32_t batch_ = kUnknown;
  size_t num_states_ = 0;
  std::vector<Value> projected_, inputs_;
};

}  // namespace

Result<Unrolled> RunLoop(Lowering& c, Recurrence& r, Value x, std::vector<Value> states) {
  OCTET_TRY(CheckStates(c, r, &states));
  return StepLoop(c, r).Run(x, std::move(states));
}

Result<Unrolled> RunRecurrence(Lowering& c, Recurrence& r, Value x, std::vector<Value> states) {
  const Shape in = c.shape(x);
  const int32_t steps = in.rank() == 3 ? in[r.time_axis] : 0;
  if (steps != kUnknown && steps < 1) return c.Fail("[batch, time, features] with at least one step", in.text(), "");
  if (steps == kUnknown || steps > kMaxUnrolled) return RunLoop(c, r, x, std::move(states));
  OCTET_TRY(CheckStates(c, r, &states));
  return Unroll(c, r, x, std::move(states), steps);
}

}  // namespace octet::importers
