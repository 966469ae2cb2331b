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

constexpr float kNever = -1e30f;  // As good as -infinity, and safe to add.

// Query i sits at position i + offset: with is_causal it sees keys up to there, with windows those near it. `lengths` [batch]
// of keys that are none but padding behind, as operand 6; then the offset is lengths - queries.
Result<Value> Visible(NodeContext& c, Value scores, int32_t past, Value lengths) {
  const int32_t queries = c.shape(scores)[2], keys = c.shape(scores)[3];
  const bool causal = c.Bool("is_causal", false);
  const int64_t left = c.Int("left_window_size", -1), right = c.Int("right_window_size", -1);
  if (!causal && left < 0 && right < 0 && !lengths) return scores;
  if (queries == kUnknown || keys == kUnknown || int64_t{queries} * keys > (1 << 24)) return c.Fail("known lengths with is_causal or windows", "unknown ones", "give the inputs' shapes");
  std::vector<float> mask;
  std::vector<int32_t> behind;  // j - i
  for (int32_t i = 0; i < queries; ++i)
    for (int32_t j = 0; j < keys; ++j) {
      const int64_t d = int64_t{j} - i - past;
      mask.push_back((causal && d > 0) || (left >= 0 && -d > left) || (right >= 0 && d > right) ? kNever : 0.0f);
      behind.push_back(j - i);
    }
  if (!lengths) return c.Emit("add", {scores, c.Constant<float>(Shape{queries, keys}, mask)});
  if (left >= 0 || right >= 0) return c.Fail("no windows with nonpad_kv_seqlen", "windows", "");
  OCTET_ASSIGN(Value n, c.Cast(lengths, DType::kI32));
  OCTET_ASSIGN(n, c.Reshape(n, Shape{c.shape(lengths)[0], 1, 1, 1}));
  std::vector<int32_t> positions;
  for (int32_t j = 0; j < keys; ++j) positions.push_back(j);
  const auto hide = [&](Value seen) -> Result<Value> {
    OCTET_ASSIGN(const Value bias, c.Emit("select_v2", {seen, c.Scalar(0), c.Scalar(kNever)}));
    return c.Emit("add", {scores, bias});
  };
  OCTET_ASSIGN(Value seen, c.Emit("less", {c.Constant<int32_t>(Shape{1, 1, 1, keys}, std::span<const int32_t>(positions)), n}));
  OCTET_ASSIGN(scores, hide(seen));
  if (!causal) return scores;
  OCTET_ASSIGN(const Value offset, c.Emit("sub", {n, c.ScalarInt(queries)}));
  OCTET_ASSIGN(seen, c.Emit("less_equal", {c.Constant<int32_t>(Shape{1, 1, queries, keys}, std::span<const int32_t>(behind)), offset}));
  return hide(seen);
}

// An additive mask, or one of truth values; a short one hides the keys behind its end.
Result<Value> Masked(NodeContext& c, Value scores, Value mask) {
  if (!mask) return scores;
  if (c.type(mask).dtype == DType::kBool) {
    OCTET_ASSIGN(mask, c.Emit("select_v2", {mask, c.Scalar(0), c.Scalar(kNever)}));
  }
  const int32_t more = c.shape(scores)[3] - c.shape(mask).back();
  if (c.shape(mask).back() > 1 && c.shape(scores)[3] != kUnknown && more > 0) {
    std::vector<int32_t> pads(static_cast<size_t>(2 * c.rank(mask)), 0);
    pads.back() = more;
    OCTET_ASSIGN(mask, c.Make("padv2", {mask, c.Constant<int32_t>(Shape{c.rank(mask), 2}, std::span<const int32_t>(pads)), c.Scalar(kNever)}));
  }
  return c.Emit("add", {scores, mask});
}

Status ConvertAttention(NodeContext& c) {
  const bool flat = c.rank(c.Input(0)) == 3;
  OCTET_ASSIGN(Value q, Heads(c, c.Input(0), c.Int("q_num_heads", 0)));
  OCTET_ASSIGN(Value k, Heads(c, c.Input(1), c.Int("kv_num_heads", 0)));
  OCTET_ASSIGN(Value v, Heads(c, c.Input(2), c.Int("kv_num_heads", 0)));
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
  if (softcap > 0) {
    OCTET_ASSIGN(scores, Times(c, scores, 1.0f / softcap));
    OCTET_ASSIGN(scores, c.Emit("tanh", {scores}));
    OCTET_ASSIGN(scores, Times(c, scores, softcap));
  }
  if (c.wants(3) && shown == 1) c.SetOutput(3, scores);
  OCTET_ASSIGN(scores, Visible(c, scores, past, c.Input(6)));
  OCTET_ASSIGN(scores, Masked(c, scores, c.Input(3)));
  if (c.wants(3) && shown == 2) c.SetOutput(3, scores);
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
