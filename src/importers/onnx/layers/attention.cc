// SPDX-License-Identifier: Apache-2.0
// Attention (opset 23): softmax(scale * Q K' + mask) V, heads side by side in 3-D operands, keys shared by groups.
#include <cmath>

#include "importers/lowerings/activation.h"
#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

// [B, T, heads*d] -> [B, heads, T, d]
Result<Value> Heads(NodeContext& c, Value v, int64_t heads) {
  if (c.rank(v) == 4) return v;
  const Shape s = c.shape(v);
  if (s.rank() != 3 || heads < 1 || s[2] == kUnknown || s[2] % heads != 0) return c.Fail("operands of heads side by side", s.text(), "check the model");
  OCTET_ASSIGN(const Value apart, c.Reshape(v, Shape{s[0], s[1], static_cast<int32_t>(heads), static_cast<int32_t>(s[2] / heads)}));
  return c.Transpose(apart, {0, 2, 1, 3});
}

// Every head of keys or values serves `times` heads of queries.
Result<Value> Repeated(NodeContext& c, Value v, int32_t times) {
  if (times == 1) return v;
  std::vector<int32_t> order;
  for (int32_t i = 0; i < c.shape(v)[1] * times; ++i) order.push_back(i / times);
  return c.Make("gather", {v, c.Vector(order)}, {{"axis", 1}});
}

// -infinity (as far as floats add safely) above the diagonal that starts `past` to the right.
Result<Value> Causal(NodeContext& c, int32_t queries, int32_t keys, int32_t past) {
  if (queries == kUnknown || keys == kUnknown || int64_t{queries} * keys > (1 << 24)) return c.Fail("known lengths with is_causal", "unknown ones", "give the inputs' shapes");
  std::vector<float> mask;
  for (int32_t i = 0; i < queries; ++i)
    for (int32_t j = 0; j < keys; ++j) mask.push_back(j > i + past ? -1e30f : 0.0f);
  return c.Constant<float>(Shape{queries, keys}, mask);
}

Status ConvertAttention(NodeContext& c) {
  const bool flat = c.rank(c.Input(0)) == 3;
  OCTET_ASSIGN(Value q, Heads(c, c.Input(0), c.Int("q_num_heads", 0)));
  OCTET_ASSIGN(Value k, Heads(c, c.Input(1), c.Int("kv_num_heads", 0)));
  OCTET_ASSIGN(Value v, Heads(c, c.Input(2), c.Int("kv_num_heads", 0)));
  if (c.Input(6)) return c.Fail("no nonpad_kv_seqlen", "one", "mask the keys instead");
  int32_t past = 0;
  if (c.Input(4)) {
    past = c.shape(c.Input(4))[2];
    OCTET_ASSIGN(k, c.Make("concatenation", {c.Input(4), k}, {{"axis", 2}}));
    OCTET_ASSIGN(v, c.Make("concatenation", {c.Input(5), v}, {{"axis", 2}}));
  }
  if (c.wants(1)) c.SetOutput(1, k);
  if (c.wants(2)) c.SetOutput(2, v);
  const Shape sq = c.shape(q), sk = c.shape(k);
  if (sq.rank() != 4 || sk.rank() != 4 || sq[1] < 1 || sk[1] < 1 || sq[1] % sk[1] != 0 || sq[3] < 1) return c.Fail("heads that the keys' divide", sq.text() + " and " + sk.text(), "check the model");
  OCTET_ASSIGN(k, Repeated(c, k, sq[1] / sk[1]));
  OCTET_ASSIGN(v, Repeated(c, v, sq[1] / sk[1]));
  OCTET_ASSIGN(q, Times(c, q, static_cast<float>(c.Number("scale", 1.0 / std::sqrt(static_cast<double>(sq[3]))))));
  OCTET_ASSIGN(Value scores, c.Make("batch_matmul", {q, k}, {{"adj_x", 0}, {"adj_y", 1}}));
  const int64_t shown = c.Int("qk_matmul_output_mode", 0);
  if (c.wants(3) && shown == 0) c.SetOutput(3, scores);
  const auto softcap = static_cast<float>(c.Number("softcap", 0));
  const auto masked = [&](Value s) -> Result<Value> {
    if (c.Bool("is_causal", false)) {
      OCTET_ASSIGN(const Value causal, Causal(c, c.shape(q)[2], c.shape(k)[2], past));
      OCTET_ASSIGN(s, c.Emit("add", {s, causal}));
    }
    Value mask = c.Input(3);
    if (!mask) return s;
    if (c.type(mask).dtype == DType::kBool) {
      OCTET_ASSIGN(mask, c.Emit("select_v2", {mask, c.Scalar(0), c.Scalar(-1e30f)}));
    }
    return c.Emit("add", {s, mask});
  };
  const auto capped = [&](Value s) -> Result<Value> {
    if (softcap <= 0) return s;
    OCTET_ASSIGN(s, Times(c, s, 1.0f / softcap));
    OCTET_ASSIGN(s, c.Emit("tanh", {s}));
    return Times(c, s, softcap);
  };
  OCTET_ASSIGN(scores, capped(scores));
  if (c.wants(3) && shown == 2) c.SetOutput(3, scores);
  OCTET_ASSIGN(scores, masked(scores));
  if (c.wants(3) && shown == 1) c.SetOutput(3, scores);
  OCTET_ASSIGN(scores, c.Make("softmax", {scores}, {{"beta", 1.0}}));
  if (c.wants(3) && shown == 3) c.SetOutput(3, scores);
  OCTET_ASSIGN(Value y, c.Make("batch_matmul", {scores, v}, {{"adj_x", 0}, {"adj_y", 0}}));
  if (flat) {
    OCTET_ASSIGN(y, c.Transpose(y, {0, 2, 1, 3}));
    const Shape s = c.shape(y);
    OCTET_ASSIGN(y, c.Reshape(y, Shape{s[0], s[1], s[2] * s[3]}));
  }
  c.SetOutput(0, y);
  return {};
}

// Pairs of features turned by angles: x1*cos - x2*sin, x2*cos + x1*sin (opset 23).
Status ConvertRotary(NodeContext& c) {
  const Value in = c.Input(0);
  const bool flat = c.rank(in) == 3, interleaved = c.Bool("interleaved", false);
  Value x = in;
  const Shape s = c.shape(in);
  if (flat) {  // [B, T, heads*d] -> [B, T, heads, d]
    const auto heads = static_cast<int32_t>(c.Int("num_heads", 0));
    if (heads < 1 || s[2] % heads != 0) return c.Fail("num_heads for a 3-D input", std::to_string(heads), "check the model");
    OCTET_ASSIGN(x, c.Reshape(x, Shape{s[0], s[1], heads, s[2] / heads}));
  } else {
    OCTET_ASSIGN(x, c.Transpose(x, {0, 2, 1, 3}));
  }
  const Shape wide = c.shape(x);
  auto turned = static_cast<int32_t>(c.Int("rotary_embedding_dim", 0));
  if (turned == 0) turned = wide[3];
  if (turned < 2 || turned > wide[3] || turned % 2 != 0) return c.Fail("an even number of features", std::to_string(turned), "check the model");
  const auto angles = [&](Value table) -> Result<Value> {  // [B, T, 1, d/2]
    if (c.Input(3)) {
      OCTET_ASSIGN(table, c.Make("gather", {table, c.Input(3)}, {{"axis", 0}}));
    }
    return c.Make("expand_dims", {table, c.ScalarInt(2)});
  };
  OCTET_ASSIGN(const Value cosine, angles(c.Input(1)));
  OCTET_ASSIGN(const Value sine, angles(c.Input(2)));
  std::vector<Value> parts = {x};
  if (turned < wide[3]) {
    OCTET_ASSIGN(parts, c.MakeMany("split_v", {x, c.Vector({turned, wide[3] - turned}), c.ScalarInt(3)}, {{"num_splits", 2}}, 2));
  }
  Value head = parts[0];
  std::vector<Value> halves;
  if (interleaved) {
    OCTET_ASSIGN(head, c.Reshape(head, Shape{wide[0], wide[1], wide[2], turned / 2, 2}));
    OCTET_ASSIGN(halves, c.MakeMany("unpack", {head}, {{"num", 2}, {"axis", 4}}, 2));
  } else {
    OCTET_ASSIGN(halves, c.MakeMany("split", {c.ScalarInt(3), head}, {{"num_splits", 2}}, 2));
  }
  const auto turn = [&](Value a, Value b, const char* op) -> Result<Value> {
    OCTET_ASSIGN(const Value p, c.Emit("mul", {a, cosine}));
    OCTET_ASSIGN(const Value q, c.Emit("mul", {b, sine}));
    return c.Emit(op, {p, q});
  };
  OCTET_ASSIGN(const Value real, turn(halves[0], halves[1], "sub"));
  OCTET_ASSIGN(const Value imaginary, turn(halves[1], halves[0], "add"));
  if (interleaved) {
    OCTET_ASSIGN(head, c.Make("pack", {real, imaginary}, {{"values_count", 2}, {"axis", 4}}));
    OCTET_ASSIGN(head, c.Reshape(head, Shape{wide[0], wide[1], wide[2], turned}));
  } else {
    OCTET_ASSIGN(head, c.Make("concatenation", {real, imaginary}, {{"axis", 3}}));
  }
  if (parts.size() > 1) {
    OCTET_ASSIGN(head, c.Make("concatenation", {head, parts[1]}, {{"axis", 3}}));
  }
  if (flat) {
    OCTET_ASSIGN(head, c.Reshape(head, s));
  } else {
    OCTET_ASSIGN(head, c.Transpose(head, {0, 2, 1, 3}));
  }
  c.SetOutput(0, head);
  return {};
}

constexpr NodeRule kRules[] = {{"Attention", 0, ConvertAttention}, {"RotaryEmbedding", 0, ConvertRotary}};

}  // namespace

const std::span<const NodeRule> kAttentionRules = kRules;

}  // namespace octet::importers::onnx
