// SPDX-License-Identifier: Apache-2.0
// LSTM, GRU, SimpleRNN, RNN and Bidirectional.
#include <algorithm>
#include <map>

#include "importers/keras/builder.h"
#include "importers/keras/layers/cell.h"
#include "importers/keras/layers/stateful.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/recurrence.h"
#include "importers/lowerings/resource.h"

namespace octet::importers::keras {
namespace {

bool Flag(const Json& config, const char* key) { return config[key].boolean(); }

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

// How the layer runs, of its own config or that of the layer a wrapper holds.
struct Run {
  const std::string& kind;
  const Json& config;
  Variables variables;
  Value mask;
  bool backwards = false;
  bool keeps_time = false;
  bool zeros = false;  // For masked steps, whatever the layer says.
};

Result<Unrolled> RunLayer(LayerContext& c, Run run, std::vector<Value> states) {
  if (Flag(run.config, "time_major")) return c.Fail("time_major=False", "time_major=True", "transpose the input");
  Recurrence r;
  OCTET_ASSIGN(r.cells, MakeCells(c, run.kind, run.config, run.variables));
  r.backwards = run.backwards;
  r.keeps_time = run.keeps_time;
  r.wants_sequence = Flag(run.config, "return_sequences");
  r.unroll = Flag(run.config, "unroll") || c.builder().unroll();
  r.mask = run.mask;
  r.zero_output = run.zeros || Flag(run.config, "zero_output_for_mask");
  if (!Flag(run.config, "stateful")) return RunRecurrence(c, r, c.Input(0), std::move(states));
  // The states before the first step are those after the last one of the run before.
  const int32_t batch = c.shape(c.Input(0))[0];
  if (batch == kUnknown || !states.empty()) return c.Fail("a fixed batch size and no initial states", c.shape(c.Input(0)).text(), "give the input's shape");
  std::vector<KeptState> kept;
  for (const auto& cell : r.cells)
    for (int i = 0; i < cell->num_states(); ++i)
      kept.emplace_back(c, c.place() + (run.backwards ? "/backward_state_" : "/state_") + std::to_string(kept.size()),
                        TensorType{DType::kF32, Shape{batch, cell->units()}, {}});
  for (KeptState& k : kept) {
    OCTET_ASSIGN(const Value before, k.Read());
    states.push_back(before);
  }
  OCTET_ASSIGN(Unrolled out, RunRecurrence(c, r, c.Input(0), std::move(states)));
  for (size_t i = 0; i < kept.size(); ++i) OCTET_TRY(kept[i].Write(out.states[i]));
  return out;
}

// What a layer shows of its sequence: all steps or the last.
Value Shown(const Json& config, const Unrolled& u) { return Flag(config, "return_sequences") ? u.sequence : u.last; }

// The last step of a sequence.
Result<Value> LastStep(LayerContext& c, Value y) {
  return c.Make("strided_slice", {y, c.Vector({0, -1, 0}), c.Vector({0, 0, 0}), c.Vector({1, 1, 1})},
                {{"begin_mask", 5}, {"end_mask", 7}, {"shrink_axis_mask", 2}});
}

// As one operator over the sequence, which keeps its state itself.
Status ConvertSequence(LayerContext& c, const Json& config) {
  OCTET_ASSIGN(Value y, RunStateful(c, c.kind(), config, c.variables(), c.Input(0), Flag(config, "go_backwards")));
  if (!Flag(config, "return_sequences")) {
    OCTET_ASSIGN(y, LastStep(c, y));
  }
  c.SetOutput(0, y);
  return {};
}

// May the layer become one operator over the sequence: those that keep their state, and where the caller asks for it
// (ImportOptions::whole_sequences)?
bool IsWholeSequence(LayerContext& c, const std::string& kind, const Json& config, Value mask) {
  if (mask || c.num_inputs() != 1 || c.Named("initial_state") || Flag(config, "return_state") || Flag(config, "time_major") || c.rank(c.Input(0)) != 3)
    return false;
  const std::string& activation = config["activation"].text();
  if (kind == "LSTM")
    return (Flag(config, "stateful") || c.builder().whole_sequences()) && activation == "tanh" && config["recurrent_activation"].text() == "sigmoid";
  return kind == "SimpleRNN" && Flag(config, "stateful") && (activation == "tanh" || activation == "relu" || activation == "linear" || activation == "relu6");
}

// A sequence has the mask of the input, also where the layer itself was not given it.
void PassMask(LayerContext& c, const Json& config, Value given, Value sequence) {
  const Value mask = given ? given : c.builder().MaskOf(c.Input(0));
  if (mask && Flag(config, "return_sequences")) c.builder().SetMask(sequence, mask);
}

Status ConvertRecurrent(LayerContext& c) {
  const Json& config = *c.layer().config;
  OCTET_ASSIGN(const Value mask, c.Mask());
  if (IsWholeSequence(c, c.layer().class_name, config, mask)) return ConvertSequence(c, config);
  OCTET_ASSIGN(const Unrolled u, RunLayer(c, {c.layer().class_name, config, c.variables(), mask, Flag(config, "go_backwards")}, InitialStates(c)));
  const Value y = Shown(config, u);
  PassMask(c, config, mask, y);
  c.SetOutput(0, y);
  for (size_t i = 0; Flag(config, "return_state") && i < u.states.size(); ++i) c.SetOutput(static_cast<int>(i) + 1, u.states[i]);
  return {};
}

Result<Value> Merge(LayerContext& c, const std::string& mode, Value forward, Value backward) {
  if (mode == "concat") return c.Make("concatenation", {forward, backward}, {{"axis", c.rank(forward) - 1}});
  if (mode == "mul") return c.Make("mul", {forward, backward});
  OCTET_ASSIGN(const Value sum, c.Make("add", {forward, backward}));
  if (mode == "sum") return sum;
  return c.Make("mul", {sum, c.Scalar(0.5f)});
}

// Both directions as operators over the sequence; what comes out backwards is turned round again.
Result<Value> ConvertSequences(LayerContext& c, const Json& forward, const Json& backward, size_t count, const std::string& mode) {
  Weights& weights = c.builder().weights();
  const Variables first = weights.Inside(c.variables(), "forward_layer", 0, count);
  const Variables second = weights.Inside(c.variables(), "backward_layer", count, SIZE_MAX / 2);
  OCTET_ASSIGN(Value y, RunStateful(c, "LSTM", forward["config"], first, c.Input(0), false));
  OCTET_ASSIGN(Value z, RunStateful(c, "LSTM", backward["config"], second, c.Input(0), true));
  if (Flag(forward["config"], "return_sequences")) {
    OCTET_ASSIGN(z, c.Make("reverse_v2", {z, c.Vector({1})}));
  } else {
    OCTET_ASSIGN(y, LastStep(c, y));
    OCTET_ASSIGN(z, LastStep(c, z));
  }
  return Merge(c, mode, y, z);
}

// The layer with the other direction.
Json Turned(const Json& layer) {
  Json config(Json::Kind::kMap), turned(Json::Kind::kMap);
  config.Set("go_backwards", Json(!Flag(layer["config"], "go_backwards")));  // The first of a name counts.
  for (const std::string& key : layer["config"].keys()) config.Set(key, layer["config"][key]);
  turned.Set("config", std::move(config));
  for (const std::string& key : layer.keys()) turned.Set(key, layer[key]);
  return turned;
}

// Layers with a rule of their own, each run over the sequence in its direction.
Status ConvertBothWays(LayerContext& c, const Json& forward, const Json& backward, const std::string& mode) {
  if (c.num_inputs() != 1 || c.Named("initial_state")) return c.Fail("no initial states", "some", "");
  Weights& weights = c.builder().weights();
  const size_t count = VariablesOf(forward["class_name"].text(), forward["config"]).size();
  const Value x = c.Input(0);
  const Json turned = &forward == &backward ? Turned(forward) : backward;
  OCTET_ASSIGN(const std::vector<Value> f, c.Apply(forward, weights.Inside(c.variables(), "forward_layer", 0, count), std::span(&x, 1), "forward"));
  OCTET_ASSIGN(std::vector<Value> b, c.Apply(turned, weights.Inside(c.variables(), "backward_layer", count, SIZE_MAX / 2), std::span(&x, 1), "backward"));
  if (Flag(forward["config"], "return_sequences")) {
    OCTET_ASSIGN(b[0], c.Make("reverse_v2", {b[0], c.Vector({1})}));
  }
  int next = 0;
  if (mode.empty()) {
    c.SetOutput(next++, f[0]);
    c.SetOutput(next++, b[0]);
  } else {
    OCTET_ASSIGN(const Value merged, Merge(c, mode, f[0], b[0]));
    c.SetOutput(next++, merged);
  }
  for (size_t i = 1; i < f.size(); ++i) c.SetOutput(next++, f[i]);
  for (size_t i = 1; i < b.size(); ++i) c.SetOutput(next++, b[i]);
  return {};
}

Status ConvertBidirectional(LayerContext& c) {
  const Json& forward = c.Get("layer");
  const Json& backward = c.Has("backward_layer") ? c.Get("backward_layer") : forward;
  const std::string mode = c.Has("merge_mode") ? c.Text("merge_mode", "") : "";
  OCTET_ASSIGN(const Value mask, c.Mask());
  const auto whole = [&](const Json& layer) {
    return layer["class_name"].text() == "LSTM" && IsWholeSequence(c, layer["class_name"].text(), layer["config"], mask);
  };
  if (c.builder().whole_sequences() && !mode.empty() && whole(forward) && whole(backward)) {
    OCTET_ASSIGN(const Value y, ConvertSequences(c, forward, backward, VariablesOf("LSTM", forward["config"]).size(), mode));
    c.SetOutput(0, y);
    return {};
  }
  if (forward["class_name"].text().starts_with("ConvLSTM")) return ConvertBothWays(c, forward, backward, mode);
  std::vector<Value> states = InitialStates(c);
  const auto half = states.begin() + static_cast<std::ptrdiff_t>(states.size() / 2);
  const size_t count = VariablesOf(forward["class_name"].text(), forward["config"]).size();
  const bool zeros = c.builder().version() < 3 && Flag(forward["config"], "return_sequences");  // Before Keras 3 the wrapper asks for them.
  Weights& weights = c.builder().weights();
  const Variables first = weights.Inside(c.variables(), "forward_layer", 0, count);
  const Variables second = weights.Inside(c.variables(), "backward_layer", count, SIZE_MAX / 2);
  OCTET_ASSIGN(const Unrolled f, RunLayer(c, {forward["class_name"].text(), forward["config"], first, mask, false, true, zeros}, {states.begin(), half}));
  OCTET_ASSIGN(const Unrolled b, RunLayer(c, {backward["class_name"].text(), backward["config"], second, mask, true, true, zeros}, {half, states.end()}));
  const Value y = Shown(forward["config"], f), z = Shown(backward["config"], b);
  int next = 0;
  if (mode.empty()) {
    c.SetOutput(next++, y);
    c.SetOutput(next++, z);
  } else {
    OCTET_ASSIGN(const Value merged, Merge(c, mode, y, z));
    PassMask(c, forward["config"], mask, merged);
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
