// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/lowerings/activation.h"
#include "importers/lowerings/normalization.h"
#include "importers/onnx/context.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

// [C] -> [C, 1, 1, …]: against channels second.
Result<Value> PerChannel(NodeContext& c, Value v, int rank) {
  Shape s{c.shape(v).known() ? static_cast<int32_t>(c.shape(v).elements()) : kUnknown};
  for (int i = 2; i < rank; ++i) s.push_back(1);
  return c.Reshape(v, s);
}

// By the batch's own mean and variance; the running ones are old*momentum + new*(1 - momentum).
Status TrainingBatchNorm(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<int32_t> axes;
  for (int i = 0; i < c.rank(x); ++i)
    if (i != 1) axes.push_back(i);
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value centred, c.Emit("sub", {x, mean}));
  OCTET_ASSIGN(Value variance, c.Emit("mul", {centred, centred}));
  OCTET_ASSIGN(variance, c.Make("mean", {variance, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(Value factor, Plus(c, variance, static_cast<float>(c.Number("epsilon", 1e-5))));
  OCTET_ASSIGN(factor, c.Emit("rsqrt", {factor}));
  OCTET_ASSIGN(const Value scale, PerChannel(c, c.Input(1), c.rank(x)));
  OCTET_ASSIGN(const Value offset, PerChannel(c, c.Input(2), c.rank(x)));
  OCTET_ASSIGN(factor, c.Emit("mul", {factor, scale}));
  OCTET_ASSIGN(Value y, c.Emit("mul", {centred, factor}));
  OCTET_ASSIGN(y, c.Emit("add", {y, offset}));
  const auto momentum = static_cast<float>(c.Number("momentum", 0.9));
  const Value batch[] = {mean, variance};
  for (int i = 0; i < 2; ++i) {
    OCTET_ASSIGN(const Value before, Times(c, c.Input(3 + i), momentum));
    OCTET_ASSIGN(Value now, c.Reshape(batch[i], c.shape(c.Input(3 + i))));
    OCTET_ASSIGN(now, Times(c, now, 1.0f - momentum));
    OCTET_ASSIGN(now, c.Emit("add", {before, now}));
    c.SetOutput(1 + i, now);
    c.SetOutput(3 + i, batch[i]);  // Before opset 14, for the gradient.
  }
  return Set(c, y);
}

// x * m + a with m = scale/sqrt(var + eps), a = B - mean*m: two operators, which fold into a convolution before them.
Status ConvertBatchNorm(NodeContext& c) {
  const Value x = c.Input(0);
  const bool trains = c.version() >= 14 ? c.Bool("training_mode", false) : c.num_outputs() > 1;
  if (trains) return TrainingBatchNorm(c);
  OCTET_ASSIGN(Value deviation, Plus(c, c.Input(4), static_cast<float>(c.Number("epsilon", 1e-5))));
  OCTET_ASSIGN(deviation, c.Emit("sqrt", {deviation}));
  OCTET_ASSIGN(Value factor, c.Emit("div", {c.Input(1), deviation}));
  OCTET_ASSIGN(Value offset, c.Emit("mul", {c.Input(3), factor}));
  OCTET_ASSIGN(offset, c.Emit("sub", {c.Input(2), offset}));
  OCTET_ASSIGN(factor, PerChannel(c, factor, c.rank(x)));
  OCTET_ASSIGN(offset, PerChannel(c, offset, c.rank(x)));
  OCTET_ASSIGN(Value y, c.Emit("mul", {x, factor}));
  return Set(c, c.Emit("add", {y, offset}));
}

Status ConvertLayerNorm(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", -1), c.rank(x)));
  std::vector<int32_t> axes;
  for (int i = axis; i < c.rank(x); ++i) axes.push_back(i);
  Moments m;
  OCTET_ASSIGN(Value y, Normalize(c, x, axes, static_cast<float>(c.Number("epsilon", 1e-5)), &m));
  if (c.Input(1)) {
    OCTET_ASSIGN(y, c.Emit("mul", {y, c.Input(1)}));
  }
  if (c.Input(2)) {
    OCTET_ASSIGN(y, c.Emit("add", {y, c.Input(2)}));
  }
  c.SetOutput(0, y);
  if (c.wants(1)) c.SetOutput(1, m.mean);
  if (c.wants(2)) c.SetOutput(2, m.inverse_deviation);
  return {};
}

Status ConvertRmsNorm(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", -1), c.rank(x)));
  std::vector<int32_t> axes;
  for (int i = axis; i < c.rank(x); ++i) axes.push_back(i);
  OCTET_ASSIGN(Value y, RmsNormalize(c, x, axes, static_cast<float>(c.Number("epsilon", 1e-5))));
  if (c.Input(1)) {
    OCTET_ASSIGN(y, c.Emit("mul", {y, c.Input(1)}));
  }
  return Set(c, y);
}

// (input + skip + bias) normalised: com.microsoft.SkipLayerNormalization.
Status ConvertSkipLayerNorm(NodeContext& c) {
  OCTET_ASSIGN(Value x, c.Emit("add", {c.Input(0), c.Input(1)}));
  const bool simplified = c.kind() == "com.microsoft.SkipSimplifiedLayerNormalization";
  const Value bias = c.Input(simplified ? 3 : 4);
  if (bias) {
    OCTET_ASSIGN(x, c.Emit("add", {x, bias}));
  }
  const std::vector<int32_t> axes = {c.rank(x) - 1};
  const auto epsilon = static_cast<float>(c.Number("epsilon", 1e-5));
  OCTET_ASSIGN(Value y, simplified ? RmsNormalize(c, x, axes, epsilon) : Normalize(c, x, axes, epsilon, nullptr));
  OCTET_ASSIGN(y, c.Emit("mul", {y, c.Input(2)}));
  if (!simplified && c.Input(3)) {
    OCTET_ASSIGN(y, c.Emit("add", {y, c.Input(3)}));
  }
  c.SetOutput(0, y);
  if (c.wants(3)) c.SetOutput(3, x);
  return {};
}

// Images whose channels a reshape has put in groups, [N, G, C/G*H*W], with the spatial axes kept apart: [N, G, C/G, H, W]. Channels
// then may be last without moving anything. Empty: x is something else.
Value GroupedImage(NodeContext& c, Value x) {
  if (!x) return {};
  const graph::Graph& g = c.construction().graph();
  const graph::NodeId maker = g.tensor(x.id).producer;
  if (maker < 0 || g.node(maker).op->name != "reshape") return {};
  const Value image{g.node(maker).inputs[0]};
  const Shape in = c.shape(image), s = c.shape(x);
  const bool grouped = in.rank() == 4 && s.rank() == 3 && in[0] == s[0] && s[1] > 0 && in[1] > 0 && in[1] % s[1] == 0 && in[2] > 0 && in[3] > 0;
  return grouped ? image : Value{};
}

Result<Value> NormalizeGroups(NodeContext& c, Value image, int32_t groups, float epsilon) {
  const Shape in = c.shape(image);
  if (groups == 1) return Normalize(c, image, std::vector<int32_t>{1, 2, 3}, epsilon, nullptr);
  if (groups == in[1]) return Normalize(c, image, std::vector<int32_t>{2, 3}, epsilon, nullptr);
  OCTET_ASSIGN(const Value apart, c.Reshape(image, Shape{in[0], groups, in[1] / groups, in[2], in[3]}));
  return Normalize(c, apart, std::vector<int32_t>{2, 3, 4}, epsilon, nullptr);
}

Status ConvertInstanceNorm(NodeContext& c) {
  const Value x = c.Input(0);
  const auto epsilon = static_cast<float>(c.Number("epsilon", 1e-5));
  std::vector<int32_t> axes;
  for (int i = 2; i < c.rank(x); ++i) axes.push_back(i);
  Value y;
  if (const Value image = GroupedImage(c, x)) {
    OCTET_ASSIGN(y, NormalizeGroups(c, image, c.shape(x)[1], epsilon));
    OCTET_ASSIGN(y, c.Reshape(y, c.shape(x)));
  } else {
    OCTET_ASSIGN(y, Normalize(c, x, axes, epsilon, nullptr));
  }
  OCTET_ASSIGN(const Value scale, PerChannel(c, c.Input(1), c.rank(x)));
  OCTET_ASSIGN(const Value offset, PerChannel(c, c.Input(2), c.rank(x)));
  OCTET_ASSIGN(y, c.Emit("mul", {y, scale}));
  return Set(c, c.Emit("add", {y, offset}));
}

// Channels in groups: [N, G, C/G, …] normalised over all but N and G. Scale per channel (opset 21) or per group (18).
Status ConvertGroupNorm(NodeContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x);
  const auto groups = static_cast<int32_t>(c.Int("num_groups", 1));
  if (in.rank() < 2 || groups < 1 || in[1] == kUnknown || in[1] % groups != 0) return c.Fail("groups that divide the channels", in.text(), "check the model");
  const auto epsilon = static_cast<float>(c.Number("epsilon", 1e-5));
  Shape apart{in[0], groups, kUnknown};
  const bool sized = std::ranges::find(in.dims().subspan(2), kUnknown) == in.dims().end();
  if (sized) apart[2] = static_cast<int32_t>(in.elements(2, in.rank()) * (in[1] / groups));
  Value y;
  if (sized && in.rank() == 4) {
    OCTET_ASSIGN(y, NormalizeGroups(c, x, groups, epsilon));
  } else {
    OCTET_ASSIGN(y, c.Reshape(x, apart));
    OCTET_ASSIGN(y, Normalize(c, y, std::vector<int32_t>{2}, epsilon, nullptr));
  }
  const bool per_group = c.version() < 21;
  const auto spread = [&](Value v) -> Result<Value> {
    if (per_group && groups != in[1]) {
      OCTET_ASSIGN(v, c.Reshape(v, Shape{groups, 1}));
      OCTET_ASSIGN(v, c.Make("broadcast_to", {v, c.Vector({groups, in[1] / groups})}));
      OCTET_ASSIGN(v, c.Reshape(v, Shape{in[1]}));
    }
    return PerChannel(c, v, in.rank());
  };
  OCTET_ASSIGN(y, c.Reshape(y, in));
  OCTET_ASSIGN(const Value scale, spread(c.Input(1)));
  OCTET_ASSIGN(const Value offset, spread(c.Input(2)));
  OCTET_ASSIGN(y, c.Emit("mul", {y, scale}));
  return Set(c, c.Emit("add", {y, offset}));
}

// x / (bias + alpha/size * sum of squares over the neighbouring channels)^beta; the operator has alpha per channel.
Status ConvertLrn(NodeContext& c) {
  const int64_t size = c.Int("size", 1);
  if (size % 2 == 0 || c.rank(c.Input(0)) != 4) return c.Fail("an odd size and an image", std::to_string(size), "");
  OCTET_ASSIGN(Value y, ChannelsLast(c, c.Input(0)));
  OCTET_ASSIGN(y, c.Make("local_response_normalization", {y},
                         {{"radius", size / 2}, {"bias", c.Number("bias", 1.0)}, {"alpha", c.Number("alpha", 1e-4) / static_cast<double>(size)}, {"beta", c.Number("beta", 0.75)}}));
  return Set(c, ChannelsSecond(c, y));
}

// x / (sum |x|^p)^(1/p)
Status ConvertLpNorm(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", -1), c.rank(x)));
  const bool two = c.Int("p", 2) == 2;
  OCTET_ASSIGN(Value n, two ? c.Emit("mul", {x, x}) : c.Emit("abs", {x}));
  OCTET_ASSIGN(n, c.Make("sum", {n, c.Vector({axis})}, {{"keep_dims", 1}}));
  if (two) {
    OCTET_ASSIGN(n, c.Emit("sqrt", {n}));
  }
  OCTET_ASSIGN(n, c.Emit("maximum", {n, c.Scalar(std::numeric_limits<float>::min())}));  // Nothing stays nothing.
  return Set(c, c.Emit("div", {x, n}));
}

// (x - mean) / sqrt(mean(x^2) - mean^2 + 1e-9)
Status ConvertMeanVariance(NodeContext& c) {
  std::vector<int32_t> axes;
  for (const int64_t a : c.Ints("axes", {0, 2, 3})) {
    OCTET_ASSIGN(const int32_t axis, c.Axis(a, c.rank(c.Input(0))));
    axes.push_back(axis);
  }
  return Set(c, Normalize(c, c.Input(0), axes, 1e-9f, nullptr));
}

// Before opset 13, all dimensions from `axis` on are one row.
enum class Kind { kSoft, kLog, kHard };
Status Softmax(NodeContext& c, Kind kind) {
  Value x = c.Input(0);
  const Shape in = c.shape(x);
  const int rank = in.rank();
  const bool rows = c.version() < 13;
  OCTET_ASSIGN(int32_t axis, c.Axis(c.Int("axis", rows ? 1 : -1), std::max(rank, 1)));
  if (rows && axis != rank - 1) {
    Shape flat{kUnknown, 1};
    int64_t tail = 1;
    for (int i = axis; i < rank; ++i) tail = in[i] == kUnknown || tail < 0 ? -1 : tail * in[i];
    int64_t head = 1;
    for (int i = 0; i < axis; ++i) head = in[i] == kUnknown || head < 0 ? -1 : head * in[i];
    flat[0] = static_cast<int32_t>(head);
    flat[1] = static_cast<int32_t>(tail);
    OCTET_ASSIGN(x, c.Reshape(x, flat));
    axis = 1;
  }
  const int now = c.rank(x);
  std::vector<int32_t> order;
  for (int i = 0; i < now; ++i) order.push_back(i == axis ? now - 1 : i == now - 1 ? axis : i);
  Value y = x;
  if (kind == Kind::kSoft) {
    OCTET_ASSIGN(y, c.Transpose(x, order));
    OCTET_ASSIGN(y, c.Make("softmax", {y}, {{"beta", 1.0}}));
    OCTET_ASSIGN(y, c.Transpose(y, order));
  } else if (kind == Kind::kLog) {
    OCTET_ASSIGN(y, LogSoftmax(c, x, axis));
  } else {  // 1 at the first largest.
    const int32_t depth = c.shape(x)[axis];
    if (depth == kUnknown) return c.Fail("a known dimension", c.shape(x).text(), "");
    OCTET_ASSIGN(const Value at, c.Make("arg_max", {x, c.ScalarInt(axis)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
    OCTET_ASSIGN(y, c.Make("one_hot", {at, c.ScalarInt(depth), c.Scalar(1), c.Scalar(0)}, {{"axis", axis == now - 1 ? -1 : axis}}));
  }
  return Set(c, c.Reshape(y, in));
}
Status ConvertSoftmax(NodeContext& c) { return Softmax(c, Kind::kSoft); }
Status ConvertLogSoftmax(NodeContext& c) { return Softmax(c, Kind::kLog); }
Status ConvertHardmax(NodeContext& c) { return Softmax(c, Kind::kHard); }

constexpr NodeRule kRules[] = {
    {"BatchNormalization", 0, ConvertBatchNorm}, {"LayerNormalization", 0, ConvertLayerNorm}, {"RMSNormalization", 0, ConvertRmsNorm},
    {"SimplifiedLayerNormalization", 0, ConvertRmsNorm}, {"com.microsoft.SimplifiedLayerNormalization", 0, ConvertRmsNorm},
    {"com.microsoft.SkipLayerNormalization", 0, ConvertSkipLayerNorm}, {"com.microsoft.SkipSimplifiedLayerNormalization", 0, ConvertSkipLayerNorm},
    {"InstanceNormalization", 0, ConvertInstanceNorm}, {"GroupNormalization", 0, ConvertGroupNorm}, {"LRN", 0, ConvertLrn},
    {"LpNormalization", 0, ConvertLpNorm}, {"MeanVarianceNormalization", 0, ConvertMeanVariance}, {"Softmax", 0, ConvertSoftmax},
    {"LogSoftmax", 0, ConvertLogSoftmax}, {"Hardmax", 0, ConvertHardmax}};

}  // namespace

const std::span<const NodeRule> kNormalizationRules = kRules;

}  // namespace octet::importers::onnx
