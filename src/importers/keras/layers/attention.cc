// SPDX-License-Identifier: Apache-2.0
// softmax(scores + mask) V. Heads are an axis of the batched products:
//   MultiHeadAttention, GroupedQueryAttention: scores = (Q Wq + bq)(K Wk + bk)^T / sqrt(d) per head
//   Attention: scores = s * Q K^T, or w * sum tanh(s * (q + k));  AdditiveAttention: sum s * tanh(q + k)
#include <algorithm>
#include <cmath>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/projection.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/band.h"
#include "importers/lowerings/dims.h"

namespace octet::importers::keras {
namespace {

constexpr float kFarBelow = -1e9f;  // The score of a masked key.

Result<Value> AddAxis(LayerContext& c, Value v, int axis) { return c.Make("expand_dims", {v, c.Vector({axis})}); }

struct Masks {
  Value query, value, key;  // [batch, length]
  Value attention;          // [batch, queries, keys] or [batch, heads, queries, keys]
  bool causal = false;
  int32_t window = 0;
};

// Scores [batch, (heads,) queries, keys] where all masks allow, else far below. One choice for all of them: a query that may see no key
// attends to all alike.
Result<Value> ApplyMasks(LayerContext& c, Value scores, const Masks& m) {
  const bool heads = c.rank(scores) == 4;
  Value allowed;
  const auto meet = [&](Value mask) -> Status {
    OCTET_ASSIGN(allowed, allowed ? c.Make("logical_and", {allowed, mask}) : Result<Value>(mask));
    return {};
  };
  // To the scores' axes: `axes` are those to insert.
  const auto add = [&](Value mask, std::initializer_list<int> axes) -> Status {
    if (!mask) return {};
    OCTET_ASSIGN(Value v, c.Cast(mask, DType::kBool));
    for (const int axis : axes) {
      OCTET_ASSIGN(v, AddAxis(c, v, axis));
    }
    return meet(v);
  };
  for (const Value keys : {m.value, m.key == m.value ? Value{} : m.key}) OCTET_TRY(heads ? add(keys, {1, 1}) : add(keys, {1}));
  OCTET_TRY(heads ? add(m.query, {1, 3}) : add(m.query, {2}));
  if (m.attention) OCTET_TRY(heads && c.rank(m.attention) == 3 ? add(m.attention, {1}) : add(m.attention, {}));
  if (m.causal || m.window > 0) {
    const std::optional<int64_t> window = m.window > 0 ? std::optional<int64_t>(m.window - 1) : std::nullopt;
    OCTET_ASSIGN(const Value pairs, Band(c, scores, {window, m.causal ? 0 : window}));
    OCTET_TRY(meet(pairs));
  }
  if (!allowed) return scores;
  return c.Make("select_v2", {allowed, scores, c.Scalar(kFarBelow)});
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
  const Dim dims[] = {DimOf(c, v, 0), DimOf(c, v, 1), {heads, {}, 0}, {size, {}, 0}};
  OCTET_ASSIGN(const Value apart, Reshape(c, v, dims));
  return c.Make("transpose", {apart, c.Vector({0, 2, 1, 3})});
}

// Inputs of more axes as [batch, steps, features]: the axes attended over are the steps, the others belong to the batch.
struct Fold {
  std::vector<int32_t> order, back;  // Of the axes; empty where the input has three.
  std::vector<Dim> apart;            // The dimensions in that order, without the features.
};
Result<Value> FoldAxes(LayerContext& c, Value v, const std::vector<int64_t>& attended, Fold* fold) {
  const int rank = c.rank(v);
  if (rank < 3) return c.Fail("[batch, steps, features]", c.shape(v).text(), "reshape the input");
  if (rank == 3 && attended == std::vector<int64_t>{1}) return v;
  const auto steps = [&](int axis) { return std::ranges::count_if(attended, [&](int64_t a) { return (a < 0 ? a + rank - 1 : a) == axis; }) > 0; };
  for (int i = 0; i < rank - 1; ++i)
    if (!steps(i)) fold->order.push_back(i);
  const size_t outer = fold->order.size();
  for (const int64_t a : attended) fold->order.push_back(static_cast<int32_t>(a < 0 ? a + rank - 1 : a));
  fold->order.push_back(rank - 1);
  std::vector<int32_t> sorted = fold->order;
  std::ranges::sort(sorted);
  fold->back.resize(static_cast<size_t>(rank));
  int64_t length = 1;
  for (int i = 0; i < rank; ++i) {
    if (sorted.size() != static_cast<size_t>(rank) || sorted[static_cast<size_t>(i)] != i || outer == 0)
      return c.Fail("attention_axes that are axes between the batch and the features", "others", "");
    fold->back[static_cast<size_t>(fold->order[static_cast<size_t>(i)])] = i;
    if (i < rank - 1) fold->apart.push_back(DimOf(c, v, fold->order[static_cast<size_t>(i)]));
    if (static_cast<size_t>(i) >= outer && i < rank - 1) length *= fold->apart.back().size;
  }
  if (length < 1 || length > INT32_MAX) return c.Fail("known dimensions", c.shape(v).text(), "give the inputs' shapes");
  OCTET_ASSIGN(v, c.Make("transpose", {v, c.Vector(fold->order)}));
  const int32_t dims[] = {-1, static_cast<int32_t>(length), c.shape(v).back()};
  return c.Make("reshape", {v, c.Vector(dims)});
}

// An output [batch, steps, features…] with the axes of the query.
Result<Value> Unfold(LayerContext& c, Value v, const Fold& fold, std::span<const int32_t> features) {
  if (fold.order.empty() && features.size() == 1) return v;
  std::vector<Dim> dims = fold.apart;
  if (dims.empty()) dims = {DimOf(c, v, 0), DimOf(c, v, 1)};
  for (const int32_t size : features) dims.push_back({size, {}, 0});
  OCTET_ASSIGN(v, Reshape(c, v, dims));
  if (fold.order.empty()) return v;
  std::vector<int32_t> back(fold.back.begin(), fold.back.end());
  for (size_t i = 1; i < features.size(); ++i) back.push_back(back.back() + 1);
  return c.Make("transpose", {v, c.Vector(back)});
}

Result<Masks> ReadMasks(LayerContext& c, const Operands& o, const Fold& fold) {
  if (c.num_inputs() > 3) return c.Fail("query, value and key by position", std::to_string(c.num_inputs()) + " tensors", "pass masks by name");
  const auto mask = [&](const char* name, Value of) {
    const Value named = c.TensorOf(c.Named(name));
    return named ? named : c.builder().MaskOf(of);
  };
  Masks m;
  // MultiHeadAttention of Keras 3 takes its query's own mask, whatever is passed.
  m.query = c.kind() == "MultiHeadAttention" ? c.builder().MaskOf(o.query) : mask("query_mask", o.query);
  m.value = mask("value_mask", o.value);
  m.key = mask("key_mask", o.key);
  m.attention = c.TensorOf(c.Named("attention_mask"));
  if (const Json& constant = LiteralOf(c, -1, {"attention_mask"}); !constant.is_null()) {
    OCTET_ASSIGN(const Value numbers, ConstantOf(c, constant, DType::kI32));
    OCTET_ASSIGN(m.attention, c.Cast(numbers, DType::kBool));
  }
  m.causal = c.Get("use_causal_mask").boolean();
  m.window = static_cast<int32_t>(std::clamp<int64_t>(c.Int("sliding_window", 0), 0, INT32_MAX));
  const bool any = m.query || m.value || m.key || m.attention || m.causal || m.window > 0;
  if (any && !fold.order.empty()) return c.Fail("no masks with attention_axes", "one", "reshape the input to [batch, steps, features]");
  return m;
}

// The layer's parts, each a dense layer of its own in the weights file.
struct Parts {
  Projection query, key, value, gate, out;
};
Result<Parts> LoadParts(LayerContext& c, const Heads& h, bool gated) {
  const bool bias = c.Bool("use_bias", true);
  const size_t each = 1u + bias;
  size_t next = 0;
  const auto load = [&](const char* part, int in_axes, int64_t features) {
    return LoadProjection(c, c.builder().weights().Inside(c.variables(), part, each * next++, each), in_axes, features, bias);
  };
  Parts p;
  OCTET_ASSIGN(p.query, load("query_dense", 1, int64_t{h.query} * h.size));
  OCTET_ASSIGN(p.key, load("key_dense", 1, int64_t{h.shared} * h.size));
  // The order in which the layers make them.
  const bool gate_first = gated && c.kind() == "MultiHeadAttention";
  if (gate_first) {
    OCTET_ASSIGN(p.gate, load("gate_dense", 1, int64_t{h.query} * h.value_size));
  }
  OCTET_ASSIGN(p.value, load("value_dense", 1, int64_t{h.shared} * h.value_size));
  if (gated && !gate_first) {
    OCTET_ASSIGN(p.gate, load("gate_dense", 1, int64_t{h.query} * h.value_size));
  }
  OCTET_ASSIGN(p.out, load("output_dense", 2, int64_t{h.query} * h.value_size));
  if (h.shared < 1 || h.query % h.shared != 0 || p.query.out != h.query * h.size || p.key.out != h.shared * h.size || p.value.out != h.shared * h.value_size)
    return Error(Code::kInvalidModel, "%s '%s': its kernels do not fit its number of heads", c.layer().class_name.c_str(), c.place().c_str());
  if (h.shared != h.query) {
    RepeatHeads(&p.key, h.shared, h.query);
    RepeatHeads(&p.value, h.shared, h.query);
  }
  const float scale = 1.0f / std::sqrt(static_cast<float>(h.size));  // Into the query: one operator less.
  for (float& w : p.query.weights) w *= scale;
  for (float& b : p.query.bias) b *= scale;
  return p;
}

Status AttendWithHeads(LayerContext& c, const Heads& h) {
  const std::vector<int64_t> axes = c.Ints("attention_axes", {1});
  Operands o = ReadOperands(c);
  if (!o.query || !o.value) return c.Fail("a query and a value", "one tensor", "");
  const bool gated = c.Bool("use_gate", false);
  OCTET_ASSIGN(const Parts p, LoadParts(c, h, gated));
  Fold fold, other;
  const Operands given = o;
  OCTET_ASSIGN(o.query, FoldAxes(c, given.query, axes, &fold));
  OCTET_ASSIGN(o.value, given.value == given.query ? Result<Value>(o.query) : FoldAxes(c, given.value, axes, &other));
  OCTET_ASSIGN(o.key, given.key == given.value   ? Result<Value>(o.value)
                      : given.key == given.query ? Result<Value>(o.query)
                                                 : FoldAxes(c, given.key, axes, &other));
  OCTET_ASSIGN(const Masks masks, ReadMasks(c, given, fold));
  OCTET_ASSIGN(Value query, Project(c, o.query, p.query));
  OCTET_ASSIGN(Value key, Project(c, o.key, p.key));
  OCTET_ASSIGN(Value value, Project(c, o.value, p.value));
  OCTET_ASSIGN(query, SplitHeads(c, query, h.query, h.size));
  OCTET_ASSIGN(key, SplitHeads(c, key, h.query, h.size));
  OCTET_ASSIGN(value, SplitHeads(c, value, h.query, h.value_size));
  OCTET_ASSIGN(Value scores, c.Make("batch_matmul", {query, key}, {{"adj_y", 1}}));
  OCTET_ASSIGN(scores, ApplyMasks(c, scores, masks));
  OCTET_ASSIGN(scores, c.Make("softmax", {scores}, {{"beta", 1.0}}));
  OCTET_ASSIGN(Value context, c.Make("batch_matmul", {scores, value}));
  OCTET_ASSIGN(context, c.Make("transpose", {context, c.Vector({0, 2, 1, 3})}));
  const Dim dims[] = {DimOf(c, context, 0), DimOf(c, context, 1), {h.query * h.value_size, {}, 0}};
  OCTET_ASSIGN(context, Reshape(c, context, dims));
  if (gated) {
    OCTET_ASSIGN(Value gate, Project(c, o.query, p.gate));
    OCTET_ASSIGN(gate, c.Make("logistic", {gate}));
    OCTET_ASSIGN(context, c.Make("mul", {context, gate}));
  }
  OCTET_ASSIGN(Value y, Project(c, context, p.out));
  std::vector<int32_t> features;
  for (const int64_t size : c.Ints("output_shape", {})) features.push_back(static_cast<int32_t>(size));
  if (features.empty()) features = {p.out.out};
  OCTET_ASSIGN(y, Unfold(c, y, fold, features));
  c.SetOutput(0, y);
  if (!c.Get("return_attention_scores").boolean()) return {};
  if (!fold.order.empty()) return c.Fail("no scores with attention_axes", "return_attention_scores=True", "");
  c.SetOutput(1, scores);
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
  Masks masks;
  Value query_mask = c.builder().MaskOf(o.query);
  masks.value = c.builder().MaskOf(o.value);
  if (const Argument* mask = c.Named("mask"); mask && mask->kind == Argument::Kind::kList && !mask->items.empty()) {
    query_mask = c.TensorOf(&mask->items[0]);
    masks.value = mask->items.size() > 1 ? c.TensorOf(&mask->items[1]) : Value{};
  }
  masks.causal = c.Get("use_causal_mask").boolean() || c.Get("causal").boolean();
  OCTET_ASSIGN(Value scores, Scores(c, o));
  OCTET_ASSIGN(scores, ApplyMasks(c, scores, masks));
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
