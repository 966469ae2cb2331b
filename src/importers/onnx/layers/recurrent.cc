// SPDX-License-Identifier: Apache-2.0
// LSTM, GRU and RNN, one or two directions. W is [directions, gates*H, I], R [directions, gates*H, H], B [directions, 2*gates*H].
#include <algorithm>
#include <numeric>

#include "importers/lowerings/activation.h"
#include "importers/lowerings/recurrence.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

// Where the operators have their inputs; -1: they have none of that.
struct Layout {
  int gates = 1, cell_state = -1, peepholes = -1, activations = 1;
};

class RecurrentNode {
 public:
  RecurrentNode(NodeContext& c, const Layout& layout) : c_(c), layout_(layout) {}

  Status Convert() {
    OCTET_TRY(Read());
    std::vector<Value> outputs;
    std::vector<std::vector<Value>> last(2);
    for (int d = 0; d < directions_; ++d) {
      Recurrence r;
      OCTET_ASSIGN(std::unique_ptr<Cell> cell, MakeCell(d));
      r.cells.push_back(std::move(cell));
      r.time_axis = 0;
      r.backwards = d == 1 || c_.Text("direction", "forward") == "reverse";
      r.keeps_time = true;
      r.unroll = c_.builder().unroll();
      std::vector<Value> states;
      OCTET_TRY(InitialStates(d, &states));
      OCTET_ASSIGN(const Value y, Run(r, &states));
      outputs.push_back(y);
      for (size_t i = 0; i < states.size(); ++i) last[i].push_back(states[i]);
    }
    // [T, B, H] each -> [T, directions, B, H]; layout 1: [B, T, directions, H].
    OCTET_ASSIGN(Value y, c_.Make("pack", outputs, {{"values_count", directions_}, {"axis", 1}}));
    if (batch_first_) {
      OCTET_ASSIGN(y, c_.Transpose(y, {2, 0, 1, 3}));
    }
    c_.SetOutput(0, y);
    for (size_t i = 0; i < 2 && !last[i].empty(); ++i) {
      OCTET_ASSIGN(const Value s, c_.Make("pack", last[i], {{"values_count", directions_}, {"axis", batch_first_ ? 1 : 0}}));
      c_.SetOutput(static_cast<int>(i) + 1, s);
    }
    return {};
  }

 private:
  Status Read() {
    batch_first_ = c_.Int("layout", 0) == 1;
    x_ = c_.Input(0);
    if (batch_first_) {
      OCTET_ASSIGN(x_, c_.Transpose(x_, {1, 0, 2}));
    }
    const Shape in = c_.shape(x_), w = c_.shape(c_.Input(1)), r = c_.shape(c_.Input(2));
    if (in.rank() != 3 || w.rank() != 3 || r.rank() != 3) return c_.Fail("input and weights of rank 3", in.text(), "check the model");
    steps_ = in[0];
    if (steps_ != kUnknown && steps_ < 1) return c_.Fail("at least one time step", in.text(), "check the model");
    units_ = r[2];
    directions_ = c_.Text("direction", "forward") == "bidirectional" ? 2 : 1;
    if (w[0] != directions_ || units_ < 1 || units_ > (1 << 16) || w[1] != units_ * layout_.gates)
      return c_.Fail("weights for its directions and gates", w.text(), "check the model");
    if (c_.Bool("input_forget", false)) return c_.Fail("input_forget 0", "1", "");
    names_ = c_.Texts("activations");
    alpha_ = c_.Numbers("activation_alpha", {});
    beta_ = c_.Numbers("activation_beta", {});
    clip_ = static_cast<float>(c_.Number("clip", 0));
    return {};
  }

  // Rows [from, to) of direction d of a [directions, rows, …] input, joined in the order of `gates`.
  Result<Value> Rows(Value v, int d, std::initializer_list<int> gates) {
    const Shape s = c_.shape(v);
    std::vector<Value> parts;
    for (const int g : gates) {
      const std::vector<int32_t> begin = s.rank() == 3 ? std::vector<int32_t>{d, g * units_, 0} : std::vector<int32_t>{d, g * units_};
      const std::vector<int32_t> size = s.rank() == 3 ? std::vector<int32_t>{1, units_, s[2]} : std::vector<int32_t>{1, units_};
      OCTET_ASSIGN(Value part, c_.Make("slice", {v, c_.Vector(begin), c_.Vector(size)}));
      OCTET_ASSIGN(part, c_.Reshape(part, s.rank() == 3 ? Shape{units_, s[2]} : Shape{units_}));
      parts.push_back(part);
    }
    return parts.size() == 1 ? Result<Value>(parts[0]) : c_.Make("concatenation", parts, {{"axis", 0}});
  }
  Result<Value> Kernel(int d, std::initializer_list<int> gates) { return Rows(c_.Input(1), d, gates); }
  Result<Value> Recurrent(int d, std::initializer_list<int> gates) { return Rows(c_.Input(2), d, gates); }
  // Of the input side; `both` adds the recurrent side's.
  Result<Value> Bias(int d, std::initializer_list<int> gates, bool input, bool recurrent) {
    if (!c_.Input(3)) {
      const std::vector<float> zeros(static_cast<size_t>(units_) * gates.size(), 0.0f);
      return c_.Constant<float>(Shape{static_cast<int32_t>(zeros.size())}, zeros);
    }
    std::vector<Value> parts;
    for (const int g : gates) {
      OCTET_ASSIGN(const Value w, Rows(c_.Input(3), d, {g}));
      OCTET_ASSIGN(const Value r, Rows(c_.Input(3), d, {g + layout_.gates}));
      OCTET_ASSIGN(const Value sum, input && recurrent ? c_.Emit("add", {w, r}) : Result<Value>(input ? w : r));
      parts.push_back(sum);
    }
    return parts.size() == 1 ? Result<Value>(parts[0]) : c_.Make("concatenation", parts, {{"axis", 0}});
  }

  // Activation i of direction d. Alphas and betas are listed for those activations that have one. Sums of weighted inputs are clipped;
  // an LSTM's cell is none.
  Result<Function> Activation(int d, int i, const char* usual, bool clipped = true) {
    const auto at = static_cast<size_t>(d * layout_.activations + i);
    const std::string name = at < names_.size() ? names_[at] : usual;
    const auto number = [&](const std::vector<double>& list, double fallback) { return static_cast<float>(at < list.size() ? list[at] : fallback); };
    const float alpha = number(alpha_, name == "LeakyRelu" ? 0.01 : name == "HardSigmoid" ? 0.2 : 1.0), beta = number(beta_, name == "HardSigmoid" ? 0.5 : 0.0);
    NodeContext& c = c_;
    Function f;
    if (name == "Sigmoid") f = [&c](Value v) { return c.Emit("logistic", {v}); };
    else if (name == "Tanh") f = [&c](Value v) { return c.Emit("tanh", {v}); };
    else if (name == "Relu") f = [&c](Value v) { return c.Emit("relu", {v}); };
    else if (name == "Softsign") f = [&c](Value v) { return Softsign(c, v); };
    else if (name == "Softplus") f = [&c](Value v) { return Softplus(c, v); };
    else if (name == "Elu") f = [&c, alpha](Value v) { return ScaledElu(c, v, 1.0f, alpha); };
    else if (name == "ThresholdedRelu") f = [&c, alpha](Value v) { return ThresholdedRelu(c, v, alpha); };
    else if (name == "LeakyRelu") f = [&c, alpha](Value v) { return c.Make("leaky_relu", {v}, {{"alpha", static_cast<double>(alpha)}}); };
    else if (name == "HardSigmoid" || name == "Affine" || name == "ScaledTanh")
      f = [&c, alpha, beta, name](Value v) { return Scaled(c, v, name, alpha, beta); };
    else return c_.Fail("an activation that octet has", name, "choose another one");
    if (clip_ <= 0 || !clipped) return f;
    return Function([&c, f, limit = clip_](Value v) -> Result<Value> {
      OCTET_ASSIGN(v, c.Emit("maximum", {v, c.Scalar(-limit)}));
      OCTET_ASSIGN(v, c.Emit("minimum", {v, c.Scalar(limit)}));
      return f(v);
    });
  }

  static Result<Value> Scaled(NodeContext& c, Value v, const std::string& name, float alpha, float beta) {
    if (name == "ScaledTanh") {
      OCTET_ASSIGN(v, Times(c, v, beta));
      OCTET_ASSIGN(v, c.Emit("tanh", {v}));
      return Times(c, v, alpha);
    }
    OCTET_ASSIGN(v, Times(c, v, alpha));
    OCTET_ASSIGN(v, Plus(c, v, beta));
    if (name == "Affine") return v;
    OCTET_ASSIGN(v, c.Emit("maximum", {v, c.Scalar(0)}));
    return c.Emit("minimum", {v, c.Scalar(1)});
  }

  Result<std::unique_ptr<Cell>> MakeCell(int d) {
    if (layout_.gates == 4) return MakeLstm(d);
    if (layout_.gates == 3) return MakeGru(d);
    SimpleWeights w{.units = units_, .kernel = {}, .recurrent = {}, .bias = {}, .activation = {}};
    OCTET_ASSIGN(w.kernel, Kernel(d, {0}));
    OCTET_ASSIGN(w.recurrent, Recurrent(d, {0}));
    OCTET_ASSIGN(w.bias, Bias(d, {0}, true, true));
    OCTET_ASSIGN(w.activation, Activation(d, 0, "Tanh"));
    return MakeSimpleCell(std::move(w));
  }

  Result<std::unique_ptr<Cell>> MakeLstm(int d) {  // Stored i, o, f, g.
    LstmWeights w;
    w.units = units_;
    OCTET_ASSIGN(w.kernel, Kernel(d, {0, 2, 1, 3}));
    OCTET_ASSIGN(w.recurrent, Recurrent(d, {0, 2, 1, 3}));
    OCTET_ASSIGN(w.bias, Bias(d, {0, 2, 1, 3}, true, true));
    if (const Value p = c_.Input(7)) {  // i, o, f.
      OCTET_ASSIGN(w.peep_input, Rows(p, d, {0}));
      OCTET_ASSIGN(w.peep_output, Rows(p, d, {1}));
      OCTET_ASSIGN(w.peep_forget, Rows(p, d, {2}));
    }
    OCTET_ASSIGN(w.gate, Activation(d, 0, "Sigmoid"));
    OCTET_ASSIGN(w.candidate, Activation(d, 1, "Tanh"));
    OCTET_ASSIGN(w.shown, Activation(d, 2, "Tanh", false));
    return MakeLstmCell(std::move(w));
  }

  Result<std::unique_ptr<Cell>> MakeGru(int d) {  // Stored z, r, h.
    GruWeights w;
    w.units = units_;
    w.reset_after = c_.Int("linear_before_reset", 0) != 0;
    OCTET_ASSIGN(w.gates_kernel, Kernel(d, {0, 1}));
    OCTET_ASSIGN(w.gates_recurrent, Recurrent(d, {0, 1}));
    OCTET_ASSIGN(w.gates_bias, Bias(d, {0, 1}, true, true));
    OCTET_ASSIGN(w.kernel, Kernel(d, {2}));
    OCTET_ASSIGN(w.recurrent, Recurrent(d, {2}));
    OCTET_ASSIGN(w.bias, Bias(d, {2}, true, false));
    OCTET_ASSIGN(w.recurrent_bias, Bias(d, {2}, false, true));
    const std::vector<float> b = c_.FloatsOf(w.recurrent_bias);
    w.candidate_bias_is_zero = !b.empty() && std::ranges::all_of(b, [](float v) { return v == 0.0f; });
    OCTET_ASSIGN(w.gate, Activation(d, 0, "Sigmoid"));
    OCTET_ASSIGN(w.candidate, Activation(d, 1, "Tanh"));
    return MakeGruCell(std::move(w));
  }

  // [directions, B, H] (layout 1: [B, directions, H]) -> [B, H] of direction d; zeros are left out.
  Status InitialStates(int d, std::vector<Value>* states) {
    for (const int input : {5, layout_.cell_state}) {
      if (input < 0) continue;
      Value v = c_.Input(input);
      const std::vector<float> known = v ? c_.FloatsOf(v) : std::vector<float>();
      const bool zero = !known.empty() && std::ranges::all_of(known, [](float f) { return f == 0.0f; });
      if (v && !zero) {
        OCTET_ASSIGN(v, c_.Make("gather", {v, c_.ScalarInt(d)}, {{"axis", batch_first_ ? 1 : 0}}));
        states->push_back(v);
      } else {
        states->push_back({});
      }
    }
    return {};
  }

  // [T, B, H]; `states` become the last ones.
  Result<Value> Run(Recurrence& r, std::vector<Value>* states) {
    OCTET_TRY(MaskBeyondLengths(&r));
    OCTET_ASSIGN(Unrolled u, RunRecurrence(c_, r, x_, std::move(*states)));
    *states = std::move(u.states);
    return u.sequence;
  }

  // sequence_lens: beyond its length, a sequence keeps its states and shows zeros. mask[t, b] = t < lengths[b]
  Status MaskBeyondLengths(Recurrence* r) {
    const Value lengths = c_.Input(4);
    if (!lengths) return {};
    if (const auto known = c_.IntsOf(lengths); known && std::ranges::all_of(*known, [&](int64_t n) { return steps_ != kUnknown && n >= steps_; })) return {};
    OCTET_ASSIGN(const Value until, c_.Cast(lengths, DType::kI32));
    OCTET_ASSIGN(Value t, Steps());
    OCTET_ASSIGN(t, c_.Make("expand_dims", {t, c_.ScalarInt(-1)}));
    OCTET_ASSIGN(r->mask, c_.Emit("less", {t, until}));
    r->zero_output = true;
    return {};
  }

  // 0, 1, ... as many as there are.
  Result<Value> Steps() {
    if (steps_ != kUnknown) {
      std::vector<int32_t> t(static_cast<size_t>(steps_));
      std::iota(t.begin(), t.end(), 0);
      return c_.Vector(t);
    }
    OCTET_ASSIGN(const Value shape, c_.Make("shape", {x_}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
    OCTET_ASSIGN(const Value count, c_.Make("gather", {shape, c_.ScalarInt(0)}, {{"axis", 0}}));
    OCTET_ASSIGN(const Value t, c_.Emit("range", {c_.ScalarInt(0), count, c_.ScalarInt(1)}));
    c_.RefineShape(t, Shape{kUnknown});
    return t;
  }

  NodeContext& c_;
  const Layout layout_;
  Value x_;
  bool batch_first_ = false;
  int32_t steps_ = 0, units_ = 0;
  int directions_ = 1;
  float clip_ = 0;
  std::vector<std::string> names_;
  std::vector<double> alpha_, beta_;
};

Status ConvertLstm(NodeContext& c) { return RecurrentNode(c, {.gates = 4, .cell_state = 6, .peepholes = 7, .activations = 3}).Convert(); }
Status ConvertGru(NodeContext& c) { return RecurrentNode(c, {.gates = 3, .activations = 2}).Convert(); }
Status ConvertRnn(NodeContext& c) { return RecurrentNode(c, {.gates = 1}).Convert(); }

// Integers [directions, in, out] as floats [directions, out, in]. One scale (and zero point) for each direction, or for each column.
Result<Value> DequantizedTransposed(NodeContext& c, int weights, int scales, int zeros) {
  const Shape s = c.shape(c.Input(weights));
  const auto q = c.IntsOf(c.Input(weights)), z = c.Input(zeros) ? c.IntsOf(c.Input(zeros)) : std::nullopt;
  const std::vector<float> scale = c.FloatsOf(c.Input(scales));
  if (!q || s.rank() != 3) return c.Fail("constant weights of rank 3", s.text(), "");
  const auto columns = static_cast<size_t>(s[0]) * static_cast<size_t>(s[2]);
  const auto fits = [&](size_t n) { return n == static_cast<size_t>(s[0]) || n == columns; };
  if (!fits(scale.size()) || (c.Input(zeros) && (!z || !fits(z->size()))))
    return c.Fail("constant scales and zero points, for each direction or each column", std::to_string(scale.size()) + " scales", "check the model");
  const auto of = [&](const auto& list, size_t column) { return list[list.size() == columns ? column : column / static_cast<size_t>(s[2])]; };
  std::vector<float> w(q->size());
  for (int32_t d = 0; d < s[0]; ++d)
    for (int32_t i = 0; i < s[1]; ++i)
      for (int32_t o = 0; o < s[2]; ++o) {
        const size_t column = static_cast<size_t>(d) * static_cast<size_t>(s[2]) + static_cast<size_t>(o);
        const int64_t whole =
            (*q)[(static_cast<size_t>(d) * static_cast<size_t>(s[1]) + static_cast<size_t>(i)) * static_cast<size_t>(s[2]) + static_cast<size_t>(o)];
        w[column * static_cast<size_t>(s[1]) + static_cast<size_t>(i)] = static_cast<float>(whole - (z ? of(*z, column) : 0)) * of(scale, column);
      }
  return c.Constant<float>(Shape{s[0], s[2], s[1]}, w);
}

// An LSTM whose weights are integers and whose products quantize the other side while they run: that adds noise and nothing
// else, so the LSTM computes in floats. --scheme dynamic makes the weights bytes again.
Status ConvertDynamicQuantizeLstm(NodeContext& c) {
  OCTET_ASSIGN(const Value w, DequantizedTransposed(c, 1, 8, 9));
  OCTET_ASSIGN(const Value r, DequantizedTransposed(c, 2, 10, 11));
  c.SetInput(1, w);
  c.SetInput(2, r);
  return ConvertLstm(c);
}

constexpr NodeRule kRules[] = {{"LSTM", 0, ConvertLstm}, {"GRU", 0, ConvertGru}, {"RNN", 0, ConvertRnn},
                               {"com.microsoft.DynamicQuantizeLSTM", 0, ConvertDynamicQuantizeLstm}};

}  // namespace

const std::span<const NodeRule> kRecurrentRules = kRules;

}  // namespace octet::importers::onnx
