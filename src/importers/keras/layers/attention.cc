// SPDX-License-Identifier: Apache-2.0
// softmax(scores + mask) V. Heads are an axis of the batched products:
//   MultiHeadAttention, GroupedQueryAttention: scores = (Q Wq + bq)(K Wk + bk)^T / sqrt(d) per head
//   Attention: scores = s * Q K^T, or w * sum tanh(s * (q + k));  AdditiveAttention: sum s * tanh(q + k)
#include <cmath>

#include "importers/keras/builder.h"
#include "importers/keras/layers/projection.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

constexpr float kFarBelow = 1e9f;  // What Keras subtracts from the score of a masked key.

// [.., queries, keys]: 0 where query i may see key j <= i, else far below.
Value CausalBias(LayerContext& c, int32_t queries, int32_t keys) {
  std::vector<float> bias;
  for (int32_t i = 0; i < queries; ++i)
    for (int32_t j = 0; j < keys; ++j) bias.push_back(j <= i ? 0.0f : -kFarBelow);
  return c.Constant<float>(Shape{1, queries, keys}, bias);
}

// A mask of any element type, true where allowed, as something to add.
Result<Value> MaskBias(LayerContext& c, Value mask) {
  OCTET_ASSIGN(const Value number, c.Cast(mask, DType::kF32));
  OCTET_ASSIGN(const Value below, c.Make("sub", {number, c.Scalar(1.0f)}));
  return c.Make("mul", {below, c.Scalar(kFarBelow)});
}

Result<Value> AddAxis(LayerContext& c, Value v, int axis) { return c.Make("expand_dims", {v, c.Vector({axis})}); }

// Adds to the scores what the call says about masks. `heads`: the scores have an axis of heads after the batch.
Result<Value> ApplyMasks(LayerContext& c, Value scores, Value attention_mask, Value key_mask, bool heads) {
  if (c.Get("use_causal_mask").boolean() || c.Get("causal").boolean()) {
    const Shape s = c.shape(scores);
    if (s.back(1) == kUnknown || s.back(2) == kUnknown) return c.Fail("known numbers of queries and keys", s.text(), "give the inputs' shapes");
    OCTET_ASSIGN(scores, c.Make("add", {scores, CausalBias(c, s.back(2), s.back(1))}));
  }
  if (key_mask) {  // [batch, keys]
    OCTET_ASSIGN(Value bias, MaskBias(c, key_mask));
    OCTET_ASSIGN(bias, AddAxis(c, bias, 1));
    if (heads) {
      OCTET_ASSIGN(bias, AddAxis(c, bias, 1));
    }
    OCTET_ASSIGN(scores, c.Make("add", {scores, bias}));
  }
  if (attention_mask) {  // [batch, queries, keys]
    OCTET_ASSIGN(Value bias, MaskBias(c, attention_mask));
    if (heads && c.rank(bias) == 3) {
      OCTET_ASSIGN(bias, AddAxis(c, bias, 1));
    }
    OCTET_ASSIGN(scores, c.Make("add", {scores, bias}));
  }
  return scores;
}

// The tensors of a call: Keras 3 passes them by position, Keras 2 some of them by name.
struct Operands {
  Value query, value, key;
};
Operands ReadOperands(LayerContext& c) {
  Operands o;
  int next = 0;
  const auto take = [&](const char* name) {
    const Value named = c.TensorOf(c.Named(name));
    return named ? named : c.Input(next++);
  };
  o.query = take("query");
  o.value = take("value");
  o.key = take("key");
  if (!o.key) o.key = o.value;
  return o;
}

// ------------------------------------------------------------------------- with heads

struct Heads {
  int32_t query = 0, shared = 0;  // Query heads; key and value heads (each serves query/shared of the former).
  int32_t size = 0, value_size = 0;
};

// Repeats each of `from` blocks of rows so that there are `to`.
void RepeatHeads(Projection* p, int32_t from, int32_t to) {
  const int32_t rows = p->out / from;
  Projection wide;
  wide.in = p->in;
  wide.out = rows * to;
  for (int32_t h = 0; h < to; ++h) {
    const int64_t first = static_cast<int64_t>(h / (to / from)) * rows;
    wide.weights.insert(wide.weights.end(), p->weights.begin() + first * p->in, p->weights.begin() + (first + rows) * p->in);
    wide.bias.insert(wide.bias.end(), p->bias.begin() + first, p->bias.begin() + first + rows);
  }
  *p = std::move(wide);
}

// [batch, steps, heads * size] -> [batch, heads, steps, size]
Result<Value> SplitHeads(LayerContext& c, Value v, int32_t heads, int32_t size) {
  const Shape s = c.shape(v);
  if (s.rank() != 3 || s[1] == kUnknown) return c.Fail("[batch, steps, features] with a known number of steps", s.text(), "give the inputs' shapes");
  OCTET_ASSIGN(const Value apart, c.Make("reshape", {v, c.Vector({-1, s[1], heads, size})}));
  return c.Make("transpose", {apart, c.Vector({0, 2, 1, 3})});
}

Status AttendWithHeads(LayerContext& c, const Heads& h) {
  if (c.Bool("use_gate", false)) return c.Fail("use_gate=False", "use_gate=True", "");
  if (c.Has("sliding_window")) return c.Fail("no sliding_window", "one", "mask the scores");
  const std::vector<int64_t> axes = c.Ints("attention_axes", {1});
  if (axes != std::vector<int64_t>{1}) return c.Fail("attention over axis 1", "other attention_axes", "reshape the input to [batch, steps, features]");
  const Operands o = ReadOperands(c);
  if (!o.query || !o.value) return c.Fail("a query and a value", "one tensor", "");
  const bool bias = c.Bool("use_bias", true);
  Weights& weights = c.builder().weights();
  const size_t each = 1u + bias;
  const auto load = [&](const char* part, size_t index, int in_axes) {
    return LoadProjection(c, weights.Inside(c.variables(), part, index * each, each), in_axes, bias);
  };
  OCTET_ASSIGN(Projection q, load("query_dense", 0, 1));
  OCTET_ASSIGN(Projection k, load("key_dense", 1, 1));
  OCTET_ASSIGN(Projection v, load("value_dense", 2, 1));
  OCTET_ASSIGN(const Projection out, load("output_dense", 3, 2));
  if (h.shared < 1 || h.query % h.shared != 0 || q.out != h.query * h.size || k.out != h.shared * h.size || v.out != h.shared * h.value_size)
    return Error(Code::kInvalidModel, "%s '%s': its kernels do not fit its number of heads", c.layer().class_name.c_str(), c.place().c_str());
  if (h.shared != h.query) {
    RepeatHeads(&k, h.shared, h.query);
    RepeatHeads(&v, h.shared, h.query);
  }
  const float scale = 1.0f / std::sqrt(static_cast<float>(h.size));  // Into the query: one operator less.
  for (float& w : q.weights) w *= scale;
  for (float& b : q.bias) b *= scale;
  OCTET_ASSIGN(Value query, Project(c, o.query, q));
  OCTET_ASSIGN(Value key, Project(c, o.key, k));
  OCTET_ASSIGN(Value value, Project(c, o.value, v));
  OCTET_ASSIGN(query, SplitHeads(c, query, h.query, h.size));
  OCTET_ASSIGN(key, SplitHeads(c, key, h.query, h.size));
  OCTET_ASSIGN(value, SplitHeads(c, value, h.query, h.value_size));
  OCTET_ASSIGN(Value scores, c.Make("batch_matmul", {query, key}, {{"adj_y", 1}}));
  OCTET_ASSIGN(scores, ApplyMasks(c, scores, c.TensorOf(c.Named("attention_mask")), c.builder().MaskOf(o.value), true));
  OCTET_ASSIGN(scores, c.Make("softmax", {scores}, {{"beta", 1.0}}));
  OCTET_ASSIGN(Value context, c.Make("batch_matmul", {scores, value}));
  OCTET_ASSIGN(context, c.Make("transpose", {context, c.Vector({0, 2, 1, 3})}));
  OCTET_ASSIGN(context, c.Make("reshape", {context, c.Vector({-1, c.shape(context)[1], h.query * h.value_size})}));
  OCTET_ASSIGN(const Value y, Project(c, context, out));
  c.SetOutput(0, y);
  if (c.Get("return_attention_scores").boolean()) c.SetOutput(1, scores);
  return {};
}

Status ConvertMultiHead(LayerContext& c) {
  Heads h;
  h.query = h.shared = static_cast<int32_t>(c.Int("num_heads", 1));
  h.size = static_cast<int32_t>(c.Int("key_dim", 1));
  h.value_size = static_cast<int32_t>(c.Int("value_dim", h.size));
  return AttendWithHeads(c, h);
}

Status ConvertGroupedQuery(LayerContext& c) {
  Heads h;
  h.query = static_cast<int32_t>(c.Int("num_query_heads", 1));
  h.shared = static_cast<int32_t>(c.Int("num_key_value_heads", 1));
  h.size = h.value_size = static_cast<int32_t>(c.Int("head_dim", 1));
  return AttendWithHeads(c, h);
}

// ----------------------------------------------------------------------- without heads

// sum over the last axis of tanh(scale * (q + k)) * weight: [batch, queries, keys]
Result<Value> AdditiveScores(LayerContext& c, const Operands& o, Value inner_scale, Value weight) {
  OCTET_ASSIGN(const Value q, AddAxis(c, o.query, 2));
  OCTET_ASSIGN(const Value k, AddAxis(c, o.key, 1));
  OCTET_ASSIGN(Value sum, c.Make("add", {q, k}));
  if (inner_scale) {
    OCTET_ASSIGN(sum, c.Make("mul", {sum, inner_scale}));
  }
  OCTET_ASSIGN(Value t, c.Make("tanh", {sum}));
  if (weight && c.rank(weight) > 0) {
    OCTET_ASSIGN(t, c.Make("mul", {t, weight}));
  }
  OCTET_ASSIGN(Value scores, c.Make("sum", {t, c.Vector({-1})}));
  if (weight && c.rank(weight) == 0) {
    OCTET_ASSIGN(scores, c.Make("mul", {scores, weight}));
  }
  return scores;
}

Result<Value> Scores(LayerContext& c, const Operands& o) {
  const bool additive = c.kind() == "AdditiveAttention";
  Value scale, weight;
  int next = 0;
  if (c.Bool("use_scale", additive)) {
    OCTET_ASSIGN(scale, c.Weight(next++));
  }
  if (additive) return AdditiveScores(c, o, {}, scale);
  const std::string mode = c.Text("score_mode", "dot");
  if (mode == "concat") {
    OCTET_ASSIGN(weight, c.Weight(next++));
    return AdditiveScores(c, o, scale, weight);
  }
  OCTET_ASSIGN(const Value scores, c.Make("batch_matmul", {o.query, o.key}, {{"adj_y", 1}}));
  return scale ? c.Make("mul", {scores, scale}) : Result<Value>(scores);
}

Status ConvertAttention(LayerContext& c) {
  Operands o{c.Input(0), c.Input(1), c.num_inputs() > 2 ? c.Input(2) : c.Input(1)};
  if (!o.query || !o.value) return c.Fail("a query and a value", "one tensor", "");
  Value query_mask = c.builder().MaskOf(o.query), value_mask = c.builder().MaskOf(o.value);
  if (const Argument* mask = c.Named("mask"); mask && mask->kind == Argument::Kind::kList) {
    query_mask = c.TensorOf(&mask->items[0]);
    value_mask = mask->items.size() > 1 ? c.TensorOf(&mask->items[1]) : Value{};
  }
  OCTET_ASSIGN(Value scores, Scores(c, o));
  OCTET_ASSIGN(scores, ApplyMasks(c, scores, {}, value_mask, false));
  OCTET_ASSIGN(scores, c.Make("softmax", {scores}, {{"beta", 1.0}}));
  OCTET_ASSIGN(Value y, c.Make("batch_matmul", {scores, o.value}));
  if (query_mask) {
    OCTET_ASSIGN(Value kept, c.Cast(query_mask, DType::kF32));
    OCTET_ASSIGN(kept, AddAxis(c, kept, -1));
    OCTET_ASSIGN(y, c.Make("mul", {y, kept}));
  }
  c.SetOutput(0, y);
  if (c.Get("return_attention_scores").boolean()) c.SetOutput(1, scores);
  return {};
}

constexpr LayerRule kRules[] = {{"MultiHeadAttention", ConvertMultiHead},
                                {"GroupQueryAttention", ConvertGroupedQuery},
                                {"GroupedQueryAttention", ConvertGroupedQuery},
                                {"Attention", ConvertAttention},
                                {"AdditiveAttention", ConvertAttention}};

}  // namespace

const std::span<const LayerRule> kAttentionRules = kRules;

}  // namespace octet::importers::keras
