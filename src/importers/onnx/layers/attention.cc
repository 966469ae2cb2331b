// SPDX-License-Identifier: Apache-2.0
// Attention (opset 23): softmax(scale * Q K' + mask) V, heads side by side in 3-D operands, keys shared by groups; its kin.
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/limits.h"
#include "importers/lowerings/activation.h"
#include "importers/onnx/builder.h"
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

// What is added to scores: 0 where a query sees a key, `never` where it does not.
class Mask {
 public:
  Mask(NodeContext& c, const Shape& scores, float never) : c_(c), queries_(scores[2]), keys_(scores[3]), never_(never) {}

  // Query i sits at position i + past: with is_causal it sees keys up to there, with windows those near it. `lengths` [batch]
  // of keys that are none but padding behind; then the position is i + lengths - queries.
  Status AddPositions(int32_t past, Value lengths) {
    causal_ = c_.Bool("is_causal", false);
    left_ = c_.Int("left_window_size", -1), right_ = c_.Int("right_window_size", -1);
    if (!causal_ && left_ < 0 && right_ < 0 && !lengths) return {};
    if (queries_ == kUnknown || keys_ == kUnknown || int64_t{queries_} * keys_ > kMostWritten)
      return c_.Fail("known lengths with is_causal or windows", "unknown ones", "give the inputs' shapes");
    return lengths ? AddComputed(lengths) : AddConstant(past);
  }

  // An additive mask, or one of truth values; a short one hides the keys behind its end.
  Status AddGiven(Value mask) {
    if (!mask) return {};
    if (c_.type(mask).dtype == DType::kBool) {
      may_hide_all_ = true;
      OCTET_ASSIGN(mask, c_.Emit("select_v2", {mask, c_.Scalar(0), c_.Scalar(never_)}));
    }
    if (c_.rank(mask) < 1) return c_.Fail("a mask of at least one dimension", "a scalar", "check the model");
    const int32_t more = keys_ - c_.shape(mask).back();
    if (c_.shape(mask).back() > 1 && keys_ != kUnknown && more > 0) {
      std::vector<int32_t> pads(static_cast<size_t>(2 * c_.rank(mask)), 0);
      pads.back() = more;
      OCTET_ASSIGN(mask, c_.Make("padv2", {mask, c_.Constant<int32_t>(Shape{c_.rank(mask), 2}, std::span<const int32_t>(pads)), c_.Scalar(never_)}));
    }
    return Add(mask);
  }

  Result<Value> Apply(Value scores) const { return bias_ ? c_.Emit("add", {scores, bias_}) : scores; }

  // A query that sees nothing attends to nothing: zeros, not the mean of what it may not see.
  Result<Value> Hide(Value probabilities) const {
    if (!may_hide_all_) return probabilities;
    OCTET_ASSIGN(const Value most, c_.Make("reduce_max", {bias_, c_.Vector({c_.rank(bias_) - 1})}, {{"keep_dims", 1}}));
    OCTET_ASSIGN(const Value sees, c_.Emit("greater", {most, c_.Scalar(kNever / 2)}));
    return c_.Emit("select_v2", {sees, probabilities, c_.Scalar(0)});
  }

 private:
  Status Add(Value v) {
    if (bias_) {
      OCTET_ASSIGN(v, c_.Emit("add", {bias_, v}));
    }
    bias_ = v;
    return {};
  }

  Status AddConstant(int32_t past) {
    std::vector<float> mask;
    for (int32_t i = 0; i < queries_; ++i) {
      bool sees = false;
      for (int32_t j = 0; j < keys_; ++j) {
        const int64_t d = int64_t{j} - i - past;
        const bool hidden = (causal_ && d > 0) || (left_ >= 0 && -d > left_) || (right_ >= 0 && d > right_);
        sees |= !hidden;
        mask.push_back(hidden ? never_ : 0.0f);
      }
      may_hide_all_ |= !sees;
    }
    return Add(c_.Constant<float>(Shape{queries_, keys_}, mask));
  }

  // Key j and position i + offset: j < lengths, j - i <= offset (+ right), j - i >= offset - left.
  Status AddComputed(Value lengths) {
    may_hide_all_ = true;
    OCTET_ASSIGN(Value n, c_.Cast(lengths, DType::kI32));
    OCTET_ASSIGN(n, c_.Reshape(n, Shape{c_.shape(lengths)[0], 1, 1, 1}));
    std::vector<int32_t> positions, behind;
    for (int32_t j = 0; j < keys_; ++j) positions.push_back(j);
    for (int32_t i = 0; i < queries_; ++i)
      for (int32_t j = 0; j < keys_; ++j) behind.push_back(j - i);
    OCTET_ASSIGN(Value seen, c_.Emit("less", {c_.Constant<int32_t>(Shape{1, 1, 1, keys_}, std::span<const int32_t>(positions)), n}));
    const Value distance = c_.Constant<int32_t>(Shape{1, 1, queries_, keys_}, std::span<const int32_t>(behind));
    const auto restrict_to = [&](const char* op, int64_t shift) -> Status {
      OCTET_ASSIGN(const Value limit, c_.Emit("add", {n, c_.ScalarInt(static_cast<int32_t>(shift - queries_))}));
      OCTET_ASSIGN(const Value inside, c_.Emit(op, {distance, limit}));
      OCTET_ASSIGN(seen, c_.Emit("logical_and", {seen, inside}));
      return {};
    };
    if (causal_) OCTET_TRY(restrict_to("less_equal", 0));
    if (right_ >= 0) OCTET_TRY(restrict_to("less_equal", std::min<int64_t>(right_, INT32_MAX / 2)));
    if (left_ >= 0) OCTET_TRY(restrict_to("greater_equal", -std::min<int64_t>(left_, INT32_MAX / 2)));
    OCTET_ASSIGN(const Value bias, c_.Emit("select_v2", {seen, c_.Scalar(0), c_.Scalar(never_)}));
    return Add(bias);
  }

  NodeContext& c_;
  const int32_t queries_, keys_;
  const float never_;
  bool causal_ = false, may_hide_all_ = false;
  int64_t left_ = -1, right_ = -1;
  Value bias_;
};

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
  if (sq.rank() != 4 || sk.rank() != 4 || sq[1] < 1 || sk[1] < 1 || sq[1] % sk[1] != 0 || sq[3] < 1)
    return c.Fail("heads that the keys' divide", sq.text() + " and " + sk.text(), "check the model");
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
  Mask mask(c, c.shape(scores), c.wants(3) && shown == 2 ? -std::numeric_limits<float>::infinity() : kNever);
  OCTET_TRY(mask.AddPositions(past, c.Input(6)));
  OCTET_TRY(mask.AddGiven(c.Input(3)));
  OCTET_ASSIGN(scores, mask.Apply(scores));
  if (c.wants(3) && shown == 2) c.SetOutput(3, scores);
  OCTET_ASSIGN(scores, c.Make("softmax", {scores}, {{"beta", 1.0}}));
  OCTET_ASSIGN(scores, mask.Hide(scores));
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

// A graph attribute that changes scores or probabilities, where there is one.
Result<Value> Modified(NodeContext& c, const char* key, Value v) {
  const AttributeProto* a = c.Find(key);
  if (!a || !a->g) return v;
  const Binding in(v);
  OCTET_ASSIGN(const std::vector<Binding> out, c.builder().RunGraph(*a->g, c.scope(), std::span(&in, 1), c.place() + "/" + key + "/"));
  if (c.builder().failed()) return c.Fail("a graph that octet reads", "one with unsupported operators", "see there");
  return out.size() == 1 && out[0].value ? Result<Value>(out[0].value)
                                         : c.Fail("one output of " + std::string(key), std::to_string(out.size()), "check the model");
}

// softmax(score_mod(scale * Q K')) V (ai.onnx.preview)
Status ConvertFlex(NodeContext& c) {
  const Value q = c.Input(0);
  const Shape sq = c.shape(q), sk = c.shape(c.Input(1));
  if (sq.rank() != 4 || sk.rank() != 4 || sq[1] < 1 || sk[1] < 1 || sq[1] % sk[1] != 0 || sq[3] < 1)
    return c.Fail("heads that the keys' divide", sq.text() + " and " + sk.text(), "check the model");
  OCTET_ASSIGN(const Value k, Repeated(c, c.Input(1), sq[1] / sk[1]));
  OCTET_ASSIGN(const Value v, Repeated(c, c.Input(2), sq[1] / sk[1]));
  OCTET_ASSIGN(const Value scaled, Times(c, q, static_cast<float>(c.Number("scale", 1.0 / std::sqrt(static_cast<double>(sq[3]))))));
  OCTET_ASSIGN(Value scores, c.Make("batch_matmul", {scaled, k}, {{"adj_x", 0}, {"adj_y", 1}}));
  OCTET_ASSIGN(scores, Modified(c, "score_mod", scores));
  OCTET_ASSIGN(scores, c.Make("softmax", {scores}, {{"beta", 1.0}}));
  OCTET_ASSIGN(scores, Modified(c, "prob_mod", scores));
  OCTET_ASSIGN(const Value y, c.Make("batch_matmul", {scores, v}, {{"adj_x", 0}, {"adj_y", 0}}));
  c.SetOutput(0, y);
  return {};
}

// A state [B, heads, d_k, d_v] that every step scales (gated), corrects (delta) and adds k v' to; a step reads q' state. The
// steps are unrolled.
class LinearAttention {
 public:
  explicit LinearAttention(NodeContext& c)
      : c_(c), heads_(static_cast<int32_t>(c.Int("kv_num_heads", 0))), queries_(static_cast<int32_t>(c.Int("q_num_heads", 0))) {}

  Status Convert() {
    const Shape in = c_.shape(c_.Input(0));
    const std::string rule = c_.Text("update_rule", "gated_delta");
    const bool gated = rule.starts_with("gated"), delta = rule.ends_with("delta");
    if (in.rank() != 3 || !c_.IsSmall(in, int64_t{1} << 31) || heads_ < 1 || queries_ % heads_ != 0 || in[1] < 1 || in[1] > 256)
      return c_.Fail("heads that the keys' divide, and 1 to 256 steps", in.text(), "give the inputs' shapes");
    OCTET_TRY(Steps(0, queries_, in, &q_));
    OCTET_TRY(Steps(1, heads_, in, &k_));
    OCTET_TRY(Steps(2, heads_, in, &v_));
    if (gated) OCTET_TRY(Steps(4, heads_, in, &decay_));
    if (delta) OCTET_TRY(Steps(5, c_.shape(c_.Input(5)).back() == 1 ? 1 : heads_, in, &beta_));
    const int32_t dk = c_.shape(k_[0])[3], dv = c_.shape(v_[0])[3];
    const double given = c_.Number("scale", 0);
    const auto scale = static_cast<float>(given == 0 ? 1.0 / std::sqrt(static_cast<double>(dk)) : given);
    Value state = c_.Input(3);
    if (!state && !c_.IsSmall(Shape{in[0], heads_, dk, dv}, 1 << 24)) return c_.Fail("a state of at most 2^24 numbers", in.text(), "");
    if (!state)
      state = c_.Constant<float>(Shape{in[0], heads_, dk, dv}, std::vector<float>(static_cast<size_t>(Shape{in[0], heads_, dk, dv}.elements()), 0.0f));
    std::vector<Value> out;
    for (size_t i = 0; i < q_.size(); ++i) {
      OCTET_ASSIGN(state, Next(state, i));
      OCTET_ASSIGN(const Value read, Repeated(c_, state, queries_ / heads_));
      OCTET_ASSIGN(Value y, Product(q_[i], read, false));  // [B, heads, 1, d_v]
      OCTET_ASSIGN(y, Times(c_, y, scale));
      OCTET_ASSIGN(y, c_.Reshape(y, Shape{in[0], 1, queries_ * dv}));
      out.push_back(y);
    }
    OCTET_ASSIGN(const Value y, out.size() == 1 ? Result<Value>(out[0]) : c_.Make("concatenation", out, {{"axis", 1}}));
    c_.SetOutput(0, y);
    c_.SetOutput(1, state);
    return {};
  }

 private:
  // [B, T, heads*d] -> T times [B, heads, 1, d]
  Status Steps(int i, int32_t heads, const Shape& in, std::vector<Value>* out) {
    const Value v = c_.Input(i);
    const Shape s = c_.shape(v);
    if (s.rank() != 3 || s[0] != in[0] || s[1] != in[1] || s[2] < 1 || s[2] % heads != 0)
      return c_.Fail("operands of as many steps and heads", s.text(), "check the model");
    OCTET_ASSIGN(const Value apart, c_.Reshape(v, Shape{s[0], s[1], heads, 1, s[2] / heads}));
    OCTET_ASSIGN(*out, c_.MakeMany("unpack", {apart}, {{"num", s[1]}, {"axis", 1}}, s[1]));
    return {};
  }
  Result<Value> Product(Value a, Value b, bool turned) { return c_.Make("batch_matmul", {a, b}, {{"adj_x", turned}, {"adj_y", 0}}); }

  Result<Value> Next(Value state, size_t i) {
    if (!decay_.empty()) {
      OCTET_ASSIGN(Value g, c_.Emit("exp", {decay_[i]}));
      OCTET_ASSIGN(g, c_.Transpose(g, {0, 1, 3, 2}));  // Down the rows of the state.
      OCTET_ASSIGN(state, c_.Emit("mul", {state, g}));
    }
    Value v = v_[i];
    if (!beta_.empty()) {
      OCTET_ASSIGN(const Value known, Product(k_[i], state, false));
      OCTET_ASSIGN(v, c_.Emit("sub", {v, known}));
      OCTET_ASSIGN(v, c_.Emit("mul", {v, beta_[i]}));
    }
    OCTET_ASSIGN(const Value update, Product(k_[i], v, true));
    return c_.Emit("add", {state, update});
  }

  NodeContext& c_;
  const int32_t heads_, queries_;
  std::vector<Value> q_, k_, v_, decay_, beta_;
};
Status ConvertLinear(NodeContext& c) { return LinearAttention(c).Convert(); }

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

constexpr NodeRule kRules[] = {{"Attention", 0, ConvertAttention}, {"RotaryEmbedding", 0, ConvertRotary}, {"ai.onnx.preview.FlexAttention", 0, ConvertFlex},
                               {"LinearAttention", 0, ConvertLinear}};

}  // namespace

const std::span<const NodeRule> kAttentionRules = kRules;

}  // namespace octet::importers::onnx
