// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/recurrence.h"

#include <algorithm>

#include "importers/lowerings/loop.h"
#include "importers/lowerings/scalars.h"
#include "ops/keras_conv_util.h"

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

// Over: the step's place in the sequence, the sequence so far, what the last step showed (where that is not a state), the states; then
// what every step reads: projections, mask, weights that are no constants.
class StepLoop {
 public:
  StepLoop(Lowering& c, Recurrence& r) : c_(c), r_(r) {}

  Result<Unrolled> Run(Value x, std::vector<Value> states) {
    OCTET_TRY(MakeStart(x, std::move(states)));
    OCTET_ASSIGN(const Carried end, Loop(c_, start_, [this](const Carried& v) { return HasStep(v); }, [this](const Carried& v) { return Step(v); }));
    Unrolled result{{}, end[shown_], {end.begin() + At(states_), end.begin() + At(read_)}};
    if (!r_.wants_sequence) return result;
    result.sequence = end[kSequence];
    if (r_.backwards && !r_.keeps_time) {
      OCTET_ASSIGN(result.sequence, c_.Make("reverse_v2", {result.sequence, c_.Vector({r_.time_axis})}));
    }
    return result;
  }

 private:
  static constexpr size_t kPlace = 0, kSequence = 1;
  static std::ptrdiff_t At(size_t i) { return static_cast<std::ptrdiff_t>(i); }

  Status MakeStart(Value x, std::vector<Value> states) {
    OCTET_ASSIGN(const std::vector<Value> projected, r_.cells[0]->Project(c_, x));
    OCTET_ASSIGN(const Value first, FirstPlace(x));
    start_ = {first};
    if (r_.wants_sequence) OCTET_TRY(AddZeros(x, r_.cells.back()->units(), true));
    const size_t last = states.size() - static_cast<size_t>(r_.cells.back()->num_states());
    const bool shows_state = !r_.mask || (!r_.zero_output && !states[last]);  // From zeros on, both are kept by the same steps.
    if (!shows_state) OCTET_TRY(AddZeros(x, r_.cells.back()->units(), false));
    states_ = start_.size();
    shown_ = shows_state ? states_ + last : states_ - 1;
    size_t next = 0;
    for (const auto& cell : r_.cells) {
      for (int i = 0; i < cell->num_states(); ++i, ++next) {
        if (states[next]) start_.push_back(states[next]);
        else OCTET_TRY(AddZeros(x, cell->units(), false));
      }
    }
    read_ = start_.size();
    start_.insert(start_.end(), projected.begin(), projected.end());
    weights_ = start_.size();
    if (r_.mask) {
      OCTET_ASSIGN(const Value columns, c_.Make("expand_dims", {r_.mask, c_.Vector({-1})}));
      start_.push_back(columns);
      ++weights_;
    }
    for (const auto& cell : r_.cells)
      for (const Value* w : cell->Weights())
        if (*w && !c_.data(*w) && Handed(*w) == start_.end()) start_.push_back(*w);
    return {};
  }

  Result<Value> FirstPlace(Value x) {
    if (!r_.backwards) return ScalarInt(c_, 0);
    const int32_t steps = c_.shape(x)[r_.time_axis];
    if (steps != kUnknown) return ScalarInt(c_, steps - 1);
    OCTET_ASSIGN(const Value count, ops::DimensionOf(c_, x, r_.time_axis));
    return c_.Make("sub", {count, ScalarInt(c_, 1)});
  }

  // Of one step, or of all of them.
  Status AddZeros(Value x, int32_t units, bool sequence) {
    Shape shape{c_.shape(x)[1 - r_.time_axis], units};
    if (sequence) shape = r_.time_axis == 0 ? Shape{c_.shape(x)[0], shape[0], units} : Shape{shape[0], c_.shape(x)[1], units};
    if (shape.known()) {
      constexpr int64_t kMostZeros = 1 << 26;  // They are data of the file.
      if (shape.elements() > kMostZeros)
        return c_.Fail(Format("sequences of at most %d numbers", static_cast<int>(kMostZeros)), shape.text(), "leave the number of steps open");
      const std::vector<float> zeros(static_cast<size_t>(shape.elements()), 0.0f);
      start_.push_back(c_.Constant<float>(shape, zeros));
      return {};
    }
    std::vector<Value> dims;
    for (int axis = 0; axis < 2; ++axis) {
      if (!sequence && axis == r_.time_axis) continue;
      OCTET_ASSIGN(const Value dim, ops::DimensionOf(c_, x, axis));
      dims.push_back(dim);
    }
    dims.push_back(ScalarInt(c_, units));
    OCTET_ASSIGN(const Value sizes, c_.Make("pack", dims, {{"values_count", static_cast<int64_t>(dims.size())}, {"axis", 0}}));
    OCTET_ASSIGN(const Value zeros, c_.Make("fill", {sizes, c_.Scalar(0)}));
    c_.construction().Refine(zeros, {DType::kF32, shape, {}});  // Its rank is no operator's to tell.
    start_.push_back(zeros);
    return {};
  }

  // Where it is among what every step hands on as it is.
  Carried::const_iterator Handed(Value v) const { return std::find(start_.begin() + At(read_), start_.end(), v); }

  Result<Value> HasStep(const Carried& now) {
    if (r_.backwards) return c_.Make("greater_equal", {now[kPlace], ScalarInt(c_, 0)});
    OCTET_ASSIGN(const Value count, ops::DimensionOf(c_, now[read_], r_.time_axis));
    return c_.Make("less", {now[kPlace], count});
  }

  // The cells belong to the loop from here on.
  void MoveWeights(const Carried& now) {
    Construction& k = c_.construction();
    for (const auto& cell : r_.cells) {
      for (Value* w : cell->Weights()) {
        if (!*w) continue;
        const graph::Tensor& t = k.around().tensor(w->id);
        *w = t.constant ? Value{k.graph().AddConstant(k.UniqueName(t.name), t.type, t.constant)} : now[static_cast<size_t>(Handed(*w) - start_.begin())];
      }
    }
  }

  Result<Carried> Step(const Carried& now) {
    MoveWeights(now);
    std::vector<Value> read;  // Of this step: projections, and the mask.
    for (size_t i = read_; i < weights_; ++i) {
      OCTET_ASSIGN(const Value row, c_.Make("gather", {now[i], now[kPlace]}, {{"axis", r_.time_axis}}));
      read.push_back(row);
    }
    Value mask;
    if (r_.mask) {
      mask = read.back();
      read.pop_back();
    }
    Value shown = now[shown_];
    std::vector<Value> states(now.begin() + At(states_), now.begin() + At(read_));
    OCTET_TRY(RunStep(c_, r_, std::move(read), mask, &states, &shown));
    Carried next = now;
    OCTET_ASSIGN(next[kPlace], c_.Make("add", {now[kPlace], ScalarInt(c_, r_.backwards ? -1 : 1)}));
    if (r_.wants_sequence) {
      OCTET_ASSIGN(next[kSequence], Written(now[kSequence], shown, now[kPlace]));
    }
    next[shown_] = shown;
    std::ranges::copy(states, next.begin() + At(states_));
    return next;
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
  Carried start_;
  size_t shown_ = 0, states_ = 0, read_ = 0, weights_ = 0;  // Where they are, or begin, among what is carried.
};

}  // namespace

Result<Unrolled> RunRecurrence(Lowering& c, Recurrence& r, Value x, std::vector<Value> states) {
  const Shape in = c.shape(x);
  const int32_t steps = in.rank() == 3 ? in[r.time_axis] : 0;
  if (steps != kUnknown && steps < 1) return c.Fail("[batch, time, features] with at least one step", in.text(), "");
  OCTET_TRY(CheckStates(c, r, &states));
  if (IsWrittenOut(steps, r.cells.size(), r.unroll)) return Unroll(c, r, x, std::move(states), steps);
  return StepLoop(c, r).Run(x, std::move(states));
}

}  // namespace octet::importers
