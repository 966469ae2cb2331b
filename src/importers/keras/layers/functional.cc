// SPDX-License-Identifier: Apache-2.0
// Softmax with a mask; keras.ops of networks and slices: normalizations and attention on given tensors, block movements, losses, updates.
#include <algorithm>
#include <cmath>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/normalization.h"
#include "importers/lowerings/selection.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

// An operand that may be left out.
Result<Value> Optional(LayerContext& c, int position, std::string_view name) {
  const Argument* a = FindArgument(c, position, {name});
  if (!a || (a->kind == Argument::Kind::kLiteral && (!a->literal || a->literal->is_null()))) return Value{};
  return Operand(c, position, {name});
}

// --------------------------------------------------------------------------------- networks

Status ConvertNorm(LayerContext& c) {
  OCTET_ASSIGN(const Value given, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const Value x, c.Cast(given, DType::kF32));
  std::vector<int64_t> list;
  if (!IntsOf(LiteralOf(c, -1, {"axis"}), &list)) list = {-1};
  std::vector<int32_t> axes;
  for (const int64_t a : list) axes.push_back(static_cast<int32_t>(a < 0 ? a + c.rank(x) : a));
  const bool rms = c.kind() == "RMSNorm" || c.Bool("rms_scaling", false);
  const auto epsilon = static_cast<float>(c.Number("epsilon", 1e-7));  // Keras' backend epsilon.
  OCTET_ASSIGN(Value y, rms ? RmsNormalize(c, x, axes, epsilon) : Normalize(c, x, axes, epsilon, nullptr));
  OCTET_ASSIGN(const Value scale, Optional(c, 1, c.kind() == "RMSNorm" ? "scale" : "gamma"));
  OCTET_ASSIGN(const Value shift, Optional(c, 2, "beta"));
  if (scale) {
    OCTET_ASSIGN(y, c.Make("mul", {y, scale}));
  }
  if (shift) {
    OCTET_ASSIGN(y, c.Make("add", {y, shift}));
  }
  return Set(c, Narrowed(c, y, c.type(given).dtype));
}

// Over several axes e^(x - max) by its sum.
Result<Value> SoftmaxOver(LayerContext& c, Value x, const std::vector<int64_t>& axes) {
  if (axes.size() == 1 && (axes[0] == -1 || axes[0] == c.rank(x) - 1)) return c.Make("softmax", {x}, {{"beta", 1.0}});
  const Value over = c.Vector(std::vector<int32_t>(axes.begin(), axes.end()));
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {x, over}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(x, c.Make("sub", {x, most}));
  OCTET_ASSIGN(x, c.Make("exp", {x}));
  OCTET_ASSIGN(const Value sum, c.Make("sum", {x, over}, {{"keep_dims", 1}}));
  return c.Make("div", {x, sum});
}

// Scores that the mask leaves out are far below the others before; of Keras 3 also 0 behind, where it leaves out all.
Status ConvertSoftmaxLayer(LayerContext& c) {
  const Argument* named = c.Named("mask");
  const Value mask = named ? c.TensorOf(named) : c.Input(1);
  const std::vector<int64_t> axes = c.Ints("axis", {-1});
  if (!mask && axes.size() == 1) return c.ApplyOperatorRule();
  if (!mask) return Set(c, SoftmaxOver(c, c.Input(0), axes));
  OCTET_ASSIGN(const Value allowed, c.type(mask).dtype == DType::kBool ? Result<Value>(mask) : c.Make("greater", {mask, c.Scalar(0.5f)}));
  OCTET_ASSIGN(const Value x, c.Make("select_v2", {allowed, c.Input(0), c.Scalar(-1e9f)}));
  OCTET_ASSIGN(const Value y, SoftmaxOver(c, x, axes));
  return Set(c, c.builder().version() < 3 ? Result<Value>(y) : c.Make("select_v2", {allowed, y, c.Scalar(0)}));
}

template <bool ToDepth> Status ConvertBlocks(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  if (c.Text("data_format", "channels_last") != "channels_last" || c.rank(x) != 4) return c.Fail("images, channels last", c.shape(x).text(), "");
  return Set(c, c.Make(ToDepth ? "space_to_depth" : "depth_to_space", {x}, {{"block_size", c.Int("block_size", 2)}}));
}

// query [b, t, n, h], key and value [b, s, n, h]: softmax(q k^T * scale + bias) v
Status ConvertAttention(LayerContext& c) {
  OCTET_ASSIGN(Value q, Operand(c, 0, {"query"}));
  OCTET_ASSIGN(Value k, Operand(c, 1, {"key"}));
  OCTET_ASSIGN(Value v, Operand(c, 2, {"value"}));
  OCTET_ASSIGN(const Value bias, Optional(c, 3, "bias"));
  OCTET_ASSIGN(const Value mask, Optional(c, 4, "mask"));
  const Shape s = c.shape(q), t = c.shape(k);
  if (s.rank() != 4 || t.rank() != 4 || s[2] != t[2] || s[3] < 1)
    return c.Fail("tensors [batch, length, heads, size] with as many heads", s.text() + " and " + t.text(), "");
  const Json& factor = LiteralOf(c, 5, {"scale"});
  const double scale = factor.is_number() ? factor.number() : 1 / std::sqrt(static_cast<double>(s[3]));
  for (Value* x : {&q, &k, &v}) {
    OCTET_ASSIGN(*x, c.Make("transpose", {*x, c.Vector({0, 2, 1, 3})}));
  }
  OCTET_ASSIGN(q, Times(c, q, static_cast<float>(scale)));
  OCTET_ASSIGN(Value scores, c.Make("batch_matmul", {q, k}, {{"adj_x", 0}, {"adj_y", 1}}));
  if (c.Has("attn_logits_soft_cap")) return c.Fail("no soft cap", "one", "");
  if (bias) {
    OCTET_ASSIGN(scores, c.Make("add", {scores, bias}));
  }
  constexpr float kFarBelow = -1e9f;
  if (mask) {
    OCTET_ASSIGN(const Value allowed, c.Cast(mask, DType::kBool));
    OCTET_ASSIGN(scores, c.Make("select_v2", {allowed, scores, c.Scalar(kFarBelow)}));
  }
  if (c.Bool("is_causal", false)) {
    if (s[1] < 1 || t[1] < 1) return c.Fail("known lengths", s.text(), "give the inputs' shapes");
    std::vector<float> below;
    for (int32_t i = 0; i < s[1]; ++i)
      for (int32_t j = 0; j < t[1]; ++j) below.push_back(j <= i ? 0.0f : kFarBelow);
    OCTET_ASSIGN(scores, c.Make("add", {scores, c.Constant<float>(Shape{s[1], t[1]}, below)}));
  }
  OCTET_ASSIGN(scores, c.Make("softmax", {scores}, {{"beta", 1.0}}));
  OCTET_ASSIGN(const Value y, c.Make("batch_matmul", {scores, v}, {{"adj_x", 0}, {"adj_y", 0}}));
  return Set(c, c.Make("transpose", {y, c.Vector({0, 2, 1, 3})}));
}

// ----------------------------------------------------------------------------------- losses

constexpr float kLeast = 1e-7f;  // Keras' backend epsilon.
Result<Value> Clipped(LayerContext& c, Value x) {
  OCTET_ASSIGN(const Value y, c.Make("maximum", {x, c.Scalar(kLeast)}));
  return c.Make("minimum", {y, c.Scalar(1 - kLeast)});
}

// -(t log p + (1 - t) log(1 - p)); from logits max(x, 0) - x t + log(1 + e^-|x|).
Status ConvertBinaryCrossentropy(LayerContext& c) {
  OCTET_ASSIGN(const Value t, Operand(c, 0, {"target"}));
  OCTET_ASSIGN(const Value x, Operand(c, 1, {"output"}));
  if (c.Bool("from_logits", false)) {
    OCTET_ASSIGN(const Value soft, Softplus(c, x));
    OCTET_ASSIGN(const Value product, c.Make("mul", {x, t}));
    return Set(c, c.Make("sub", {soft, product}));
  }
  OCTET_ASSIGN(const Value p, Clipped(c, x));
  OCTET_ASSIGN(Value yes, c.Make("log", {p}));
  OCTET_ASSIGN(yes, c.Make("mul", {t, yes}));
  OCTET_ASSIGN(Value no, c.Make("sub", {c.Scalar(1), p}));
  OCTET_ASSIGN(no, c.Make("log", {no}));
  OCTET_ASSIGN(const Value rest, c.Make("sub", {c.Scalar(1), t}));
  OCTET_ASSIGN(no, c.Make("mul", {rest, no}));
  OCTET_ASSIGN(const Value sum, c.Make("add", {yes, no}));
  return Set(c, c.Make("neg", {sum}));
}

Status ConvertCategoricalCrossentropy(LayerContext& c) {
  OCTET_ASSIGN(Value t, Operand(c, 0, {"target"}));
  OCTET_ASSIGN(const Value x, Operand(c, 1, {"output"}));
  const int32_t last = c.rank(x) - 1;
  if (last < 0) return c.Fail("an output of at least one dimension", "a scalar", "");
  if (const int64_t axis = c.Int("axis", -1); axis != -1 && axis != last) return c.Fail("the last axis", std::to_string(axis), "transpose before");
  if (c.kind().starts_with("Sparse")) {
    const int32_t n = c.shape(x).back();
    if (n < 1) return c.Fail("a known number of classes", c.shape(x).text(), "");
    if (c.rank(t) == c.rank(x)) {
      OCTET_ASSIGN(t, c.Make("squeeze", {t}, {{"squeeze_dims", std::vector<int32_t>{last}}}));
    }
    OCTET_ASSIGN(t, c.Cast(t, DType::kI32));
    OCTET_ASSIGN(t, c.Make("one_hot", {t, c.Constant<int32_t>(Shape{}, std::span(&n, 1)), c.Scalar(1), c.Scalar(0)}, {{"axis", -1}}));
  }
  Value log;
  if (c.Bool("from_logits", false)) {
    OCTET_ASSIGN(log, LogSoftmax(c, x, last));
  } else {
    Value p = x;
    if (!c.kind().starts_with("Sparse")) {
      OCTET_ASSIGN(const Value sum, c.Make("sum", {x, c.Vector({last})}, {{"keep_dims", 1}}));
      OCTET_ASSIGN(p, c.Make("div", {x, sum}));
    }
    OCTET_ASSIGN(p, Clipped(c, p));
    OCTET_ASSIGN(log, c.Make("log", {p}));
  }
  OCTET_ASSIGN(Value y, c.Make("mul", {t, log}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({last})}, {{"keep_dims", 0}}));
  return Set(c, c.Make("neg", {y}));
}

Status ConvertMultiHot(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"inputs"}, DType::kI32));
  const auto n = static_cast<int32_t>(c.Int("num_classes", 0));
  if (n < 1) return c.Fail("num_classes", "none", "");
  OCTET_ASSIGN(x, c.Cast(x, DType::kI32));
  OCTET_ASSIGN(const DType type, NamedType(c, -1, DType::kF32));
  OCTET_ASSIGN(Value hot, c.Make("one_hot", {x, Int(c, n), c.Scalar(1), c.Scalar(0)}, {{"axis", c.Int("axis", -1)}}));
  OCTET_ASSIGN(hot, c.Make("reduce_max", {hot, c.Vector({c.rank(x) > 1 ? 1 : 0})}, {{"keep_dims", 0}}));  // Not the last one, also where there are more.
  return Set(c, c.Cast(hot, type));
}

// ------------------------------------------------------------------------------------ slices

Result<Value> Whole(LayerContext& c, int position, std::string_view name) {
  OCTET_ASSIGN(const Value v, Operand(c, position, {name}, DType::kI32));
  return c.Cast(v, DType::kI32);
}

Status ConvertSlice(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"inputs"}));
  OCTET_ASSIGN(const Value begin, Whole(c, 1, "start_indices"));
  std::vector<int64_t> size;
  if (!IntsOf(LiteralOf(c, -1, {"shape"}), &size) || static_cast<int>(size.size()) != c.rank(x))
    return c.Fail("a shape of as many numbers as axes", "another one", "");
  return Set(c, c.Make("slice", {x, begin, c.Vector(std::vector<int32_t>(size.begin(), size.end()))}));
}

Status ConvertSliceUpdate(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"inputs"}));
  OCTET_ASSIGN(const Value begin, Whole(c, 1, "start_indices"));
  OCTET_ASSIGN(const Value updates, Operand(c, 2, {"updates"}));
  return Set(c, c.Make("dynamic_update_slice", {x, updates, begin}));
}

Status ConvertScatter(LayerContext& c) {
  OCTET_ASSIGN(const Value at, Whole(c, 0, "indices"));
  OCTET_ASSIGN(const Value values, Operand(c, 1, {"values"}));
  std::vector<int64_t> shape;
  if (!IntsOf(LiteralOf(c, 2, {"shape"}), &shape)) return c.Fail("a shape of numbers", "another one", "");
  return Set(c, c.Make("scatter_nd", {at, values, c.Vector(std::vector<int32_t>(shape.begin(), shape.end()))}));
}

Status ConvertScatterUpdate(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"inputs"}));
  OCTET_ASSIGN(const Value at, Whole(c, 1, "indices"));
  OCTET_ASSIGN(const Value updates, Operand(c, 2, {"updates"}));
  const std::string reduction = c.Text("reduction", "");
  if (!reduction.empty() && reduction != "add") return c.Fail("no reduction, or 'add'", reduction, "");
  return Set(c, ScatterInto(c, x, at, updates, reduction.empty() ? Scatter::kUpdate : Scatter::kAdd));
}

// inputs x, mean, variance, offset, scale
Status ConvertBatchNorm(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  if (!IsFloat(c.type(x).dtype)) return c.Fail("floats to normalize", std::string(NumpyName(c.type(x).dtype)), "cast the input to float32 before");
  OCTET_ASSIGN(const Value mean, Operand(c, 1, {"mean"}));
  OCTET_ASSIGN(const Value variance, Operand(c, 2, {"variance"}));
  int axis = 0;
  if (!ops::NormalizeAxis(c.Int("axis", -1), c.rank(x), &axis) || axis != c.rank(x) - 1) return c.Fail("axis -1", std::to_string(c.Int("axis", -1)), "");
  OCTET_ASSIGN(Value m, Plus(c, variance, static_cast<float>(c.Number("epsilon", 1e-3))));
  OCTET_ASSIGN(m, c.Make("rsqrt", {m}));
  if (FindArgument(c, 4, {"scale"}) && c.num_inputs() > 3) {
    OCTET_ASSIGN(const Value scale, Operand(c, 4, {"scale"}));
    OCTET_ASSIGN(m, c.Make("mul", {m, scale}));
  }
  OCTET_ASSIGN(Value y, c.Make("sub", {x, mean}));
  OCTET_ASSIGN(y, c.Make("mul", {y, m}));
  if (FindArgument(c, 3, {"offset"}) && c.num_inputs() > 2) {
    OCTET_ASSIGN(const Value offset, Operand(c, 3, {"offset"}));
    OCTET_ASSIGN(y, c.Make("add", {y, offset}));
  }
  return Set(c, y);
}

constexpr LayerRule kRules[] = {
    {"Softmax", ConvertSoftmaxLayer}, {"ops.RMSNorm", ConvertNorm}, {"ops.LayerNorm", ConvertNorm}, {"ops.BatchNorm", ConvertBatchNorm},
    {"ops.DepthToSpace", ConvertBlocks<false>}, {"ops.SpaceToDepth", ConvertBlocks<true>}, {"ops.DotProductAttention", ConvertAttention},
    {"ops.BinaryCrossentropy", ConvertBinaryCrossentropy}, {"ops.CategoricalCrossentropy", ConvertCategoricalCrossentropy},
    {"ops.SparseCategoricalCrossentropy", ConvertCategoricalCrossentropy}, {"ops.MultiHot", ConvertMultiHot}, {"ops.Slice", ConvertSlice},
    {"ops.SliceUpdate", ConvertSliceUpdate}, {"ops.Scatter", ConvertScatter}, {"ops.ScatterUpdate", ConvertScatterUpdate}};

}  // namespace

const std::span<const LayerRule> kNetworkRules = kRules;

}  // namespace octet::importers::keras
