// SPDX-License-Identifier: Apache-2.0
// LSTM, GRU, SimpleRNN, RNN and Bidirectional, written out step by step: what does not depend on the state is
// computed for all steps at once before.
#include <algorithm>
#include <map>

#include "importers/keras/builder.h"
#include "importers/keras/layers/cell.h"
#include "importers/keras/layers/stateful.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

// Above this, the file would hold tens of thousands of operators.
constexpr int32_t kMaxSteps = 1024;

bool Flag(const Json& config, const char* key) { return config[key].boolean(); }

struct Sequence {
  std::vector<Value> outputs;  // Per step, in the order of the steps.
  std::vector<Value> states;   // After the last one.
};

// The cells of a layer, the one nearest to the input first.
Result<std::vector<std::unique_ptr<Cell>>> MakeCells(LayerContext& c, std::string_view kind, const Json& config, const Variables& variables) {
  Weights& weights = c.builder().weights();
  std::vector<std::unique_ptr<Cell>> cells;
  const auto add = [&](std::string_view name, const Json& own, const Variables& inside) -> Status {
    OCTET_ASSIGN(std::unique_ptr<Cell> cell, MakeCell(c, name, own, inside));
    cells.push_back(std::move(cell));
    return {};
  };
  const Variables inside = weights.Inside(variables, "cell", 0, SIZE_MAX / 2);
  if (kind != "RNN") {
    OCTET_TRY(add(kind, config, inside));
    return cells;
  }
  const Json& cell = config["cell"];
  if (cell["class_name"].text() != "StackedRNNCells") {
    OCTET_TRY(add(cell["class_name"].text(), cell["config"], inside));
    return cells;
  }
  std::map<std::string, int> used;
  size_t first = 0;
  for (const Json& object : cell["config"]["cells"].items()) {
    const std::string& name = object["class_name"].text();
    const std::string snake = SnakeCase(name);
    const int n = used[snake]++;
    const size_t count = VariablesOf(name, object["config"]).size();
    OCTET_TRY(add(name, object["config"], weights.Inside(inside, "cells/" + snake + (n ? "_" + std::to_string(n) : ""), first, count)));
    first += count;
  }
  if (cells.empty()) return c.Fail("at least one cell", "none", "");
  return cells;
}

// [batch, time, n] -> one [batch, n] per step.
Result<std::vector<Value>> Unpack(LayerContext& c, Value v, int32_t steps) {
  return c.MakeMany("unpack", {v}, {{"num", steps}, {"axis", 1}}, steps);
}

// Keeps the old value where the step is masked.
Result<Value> Select(LayerContext& c, Value mask, Value now, Value before, int32_t units) {
  if (!mask) return now;
  if (!before) {
    const std::vector<float> zeros(static_cast<size_t>(units), 0.0f);
    before = c.Constant<float>(Shape{1, units}, zeros);
  }
  return c.Make("select_v2", {mask, now, before});
}

class Unroller {
 public:
  Unroller(LayerContext& c, std::vector<std::unique_ptr<Cell>> cells, bool zero_output) : c_(c), cells_(std::move(cells)), zero_output_(zero_output) {}

  Result<Sequence> Run(Value x, std::vector<Value> states, Value mask, bool backwards) {
    const Shape in = c_.shape(x);
    const int32_t steps = in.rank() == 3 ? in[1] : 0;
    if (steps == kUnknown) return c_.Fail("a known number of time steps", in.text(), "fix the length in the input's shape, or give --input");
    if (steps < 1 || steps > kMaxSteps) return c_.Fail(Format("[batch, time, features] with 1 to %d steps", kMaxSteps), in.text(), "shorten the sequences");
    size_t num_states = 0;
    for (const auto& cell : cells_) num_states += static_cast<size_t>(cell->num_states());
    if (states.empty()) states.resize(num_states);
    if (states.size() != num_states) return c_.Fail(Format("%zu initial states", num_states), std::to_string(states.size()), "");
    OCTET_ASSIGN(const std::vector<Value> projected, cells_[0]->Project(c_, x));
    std::vector<std::vector<Value>> inputs;
    for (const Value p : projected) {
      OCTET_ASSIGN(std::vector<Value> list, Unpack(c_, p, steps));
      inputs.push_back(std::move(list));
    }
    std::vector<Value> masks(static_cast<size_t>(steps));
    if (mask) {
      OCTET_ASSIGN(const Value column, c_.Make("expand_dims", {mask, c_.Vector({-1})}));
      OCTET_ASSIGN(masks, Unpack(c_, column, steps));
    }
    Sequence sequence{{}, std::move(states)};
    for (int32_t i = 0; i < steps; ++i) {
      const auto t = static_cast<size_t>(backwards ? steps - 1 - i : i);
      std::vector<Value> now;
      for (const auto& list : inputs) now.push_back(list[t]);
      OCTET_TRY(Step(std::move(now), masks[t], &sequence));
    }
    return sequence;
  }

 private:
  Status Step(std::vector<Value> projected, Value mask, Sequence* sequence) {
    size_t first = 0;
    for (size_t k = 0; k < cells_.size(); ++k) {
      Cell& cell = *cells_[k];
      const auto n = static_cast<size_t>(cell.num_states());
      const auto begin = sequence->states.begin() + static_cast<std::ptrdiff_t>(first);
      const std::vector<Value> before(begin, begin + static_cast<std::ptrdiff_t>(n));
      std::vector<Value> states = before;
      OCTET_TRY(cell.Step(c_, projected, &states));
      output_ = states[0];
      for (size_t i = 0; i < n; ++i) {
        OCTET_ASSIGN(sequence->states[first + i], Select(c_, mask, states[i], before[i], cell.units()));
      }
      if (k + 1 < cells_.size()) {
        OCTET_ASSIGN(projected, cells_[k + 1]->Project(c_, output_));
      }
      first += n;
    }
    Value shown = output_;
    if (mask) {  // A masked step repeats the output before it.
      const Value before = zero_output_ || sequence->outputs.empty() ? Value{} : sequence->outputs.back();
      OCTET_ASSIGN(shown, Select(c_, mask, output_, before, cells_.back()->units()));
    }
    sequence->outputs.push_back(shown);
    return {};
  }

  LayerContext& c_;
  std::vector<std::unique_ptr<Cell>> cells_;
  const bool zero_output_;
  Value output_;
};

Result<Sequence> RunLayer(LayerContext& c, const std::string& kind, const Json& config, const Variables& variables, Value x,
                          std::vector<Value> states, Value mask, bool backwards) {
  if (Flag(config, "stateful")) return c.Fail("stateful=False", "stateful=True", "load the model with stateful=False");
  if (Flag(config, "time_major")) return c.Fail("time_major=False", "time_major=True", "transpose the input");
  OCTET_ASSIGN(std::vector<std::unique_ptr<Cell>> cells, MakeCells(c, kind, config, variables));
  return Unroller(c, std::move(cells), Flag(config, "zero_output_for_mask")).Run(x, std::move(states), mask, backwards);
}

// What a layer shows of its sequence: all steps or the last.
Result<Value> Shown(LayerContext& c, const Json& config, std::vector<Value> outputs) {
  if (!Flag(config, "return_sequences")) return outputs.back();
  const auto steps = static_cast<int64_t>(outputs.size());
  return c.Make("pack", outputs, {{"values_count", steps}, {"axis", 1}});
}

// Keras 3 passes initial_state by name, Keras 2 as further inputs.
std::vector<Value> InitialStates(LayerContext& c) {
  std::vector<Value> states;
  if (const Argument* named = c.Named("initial_state")) {
    if (const Value one = c.TensorOf(named)) states.push_back(one);
    for (const Argument& item : named->items) states.push_back(c.TensorOf(&item));
  }
  for (int i = 1; i < c.num_inputs(); ++i) states.push_back(c.Input(i));
  return states;
}

Status ConvertStateful(LayerContext& c, const Json& config) {
  if (Flag(config, "return_state") || c.num_inputs() > 1 || c.Named("initial_state"))
    return c.Fail("stateful=True alone", "also states as inputs or outputs", "load the model with stateful=False");
  OCTET_ASSIGN(Value y, RunStateful(c, c.kind(), config, c.variables(), c.Input(0), Flag(config, "go_backwards")));
  if (!Flag(config, "return_sequences")) {
    OCTET_ASSIGN(y, c.Make("strided_slice", {y, c.Vector({0, -1, 0}), c.Vector({0, 0, 0}), c.Vector({1, 1, 1})},
                           {{"begin_mask", 5}, {"end_mask", 7}, {"shrink_axis_mask", 2}}));
  }
  c.SetOutput(0, y);
  return {};
}

// May the layer become one operator over the sequence (ImportOptions::whole_sequences)?
bool IsWholeSequence(LayerContext& c, const Json& config, Value mask) {
  const bool plain = c.builder().whole_sequences() && c.layer().class_name == "LSTM" && !mask && c.num_inputs() == 1 && !c.Named("initial_state") && !Flag(config, "return_state");
  return plain && !Flag(config, "time_major") && config["activation"].text() == "tanh" && config["recurrent_activation"].text() == "sigmoid" && c.rank(c.Input(0)) == 3;
}

Status ConvertRecurrent(LayerContext& c) {
  const Json& config = *c.layer().config;
  OCTET_ASSIGN(const Value mask, c.Mask());
  if ((Flag(config, "stateful") && !mask) || IsWholeSequence(c, config, mask)) return ConvertStateful(c, config);
  OCTET_ASSIGN(const Sequence s, RunLayer(c, c.layer().class_name, config, c.variables(), c.Input(0), InitialStates(c), mask, Flag(config, "go_backwards")));
  OCTET_ASSIGN(const Value y, Shown(c, config, s.outputs));
  if (mask && Flag(config, "return_sequences")) c.builder().SetMask(y, mask);
  c.SetOutput(0, y);
  for (size_t i = 0; Flag(config, "return_state") && i < s.states.size(); ++i) c.SetOutput(static_cast<int>(i) + 1, s.states[i]);
  return {};
}

Result<Value> Merge(LayerContext& c, const std::string& mode, Value forward, Value backward) {
  if (mode == "concat") return c.Make("concatenation", {forward, backward}, {{"axis", c.rank(forward) - 1}});
  if (mode == "mul") return c.Make("mul", {forward, backward});
  OCTET_ASSIGN(const Value sum, c.Make("add", {forward, backward}));
  if (mode == "sum") return sum;
  return c.Make("mul", {sum, c.Scalar(0.5f)});
}

Status ConvertBidirectional(LayerContext& c) {
  const Json& forward = c.Get("layer");
  const Json& backward = c.Has("backward_layer") ? c.Get("backward_layer") : forward;
  const std::string mode = c.Has("merge_mode") ? c.Text("merge_mode", "") : "";
  OCTET_ASSIGN(const Value mask, c.Mask());
  std::vector<Value> states = InitialStates(c);
  const auto half = states.begin() + static_cast<std::ptrdiff_t>(states.size() / 2);
  const size_t count = VariablesOf(forward["class_name"].text(), forward["config"]).size();
  Weights& weights = c.builder().weights();
  OCTET_ASSIGN(Sequence f, RunLayer(c, forward["class_name"].text(), forward["config"], weights.Inside(c.variables(), "forward_layer", 0, count),
                                    c.Input(0), {states.begin(), half}, mask, false));
  OCTET_ASSIGN(Sequence b, RunLayer(c, backward["class_name"].text(), backward["config"],
                                    weights.Inside(c.variables(), "backward_layer", count, SIZE_MAX / 2), c.Input(0), {half, states.end()}, mask, true));
  const bool sequences = Flag(forward["config"], "return_sequences");
  if (sequences) std::ranges::reverse(b.outputs);
  OCTET_ASSIGN(const Value y, Shown(c, forward["config"], f.outputs));
  OCTET_ASSIGN(const Value z, Shown(c, forward["config"], b.outputs));
  int next = 0;
  if (mode.empty()) {
    c.SetOutput(next++, y);
    c.SetOutput(next++, z);
  } else {
    OCTET_ASSIGN(const Value merged, Merge(c, mode, y, z));
    if (mask && sequences) c.builder().SetMask(merged, mask);
    c.SetOutput(next++, merged);
  }
  if (!Flag(forward["config"], "return_state")) return {};
  for (const Value v : f.states) c.SetOutput(next++, v);
  for (const Value v : b.states) c.SetOutput(next++, v);
  return {};
}

constexpr LayerRule kRules[] = {{"LSTM", ConvertRecurrent},      {"GRU", ConvertRecurrent}, {"SimpleRNN", ConvertRecurrent},
                                {"RNN", ConvertRecurrent},       {"Bidirectional", ConvertBidirectional}};

}  // namespace

const std::span<const LayerRule> kRecurrentRules = kRules;

}  // namespace octet::importers::keras
