// SPDX-License-Identifier: Apache-2.0
// Convolutions, products and pools.
#include <algorithm>
#include <cstring>

#include "base/float16.h"
#include "delegates/coreml/lowering.h"

namespace octet::coreml {
namespace {

using Longs = std::vector<int64_t>;

// [top, bottom, left, right] of a window over an image; SAME puts the odd one after.
Longs PadOf(const Node& n, const Longs& in, const Longs& out, const Longs& window, const Longs& stride, const Longs& dilation) {
  Longs pad;
  for (size_t i = 0; i < 2; ++i) {
    const bool valid = n.Int("padding") != 0;
    const int64_t all = valid ? 0 : std::max<int64_t>(0, (out[i] - 1) * stride[i] + (window[i] - 1) * dilation[i] + 1 - in[i]);
    pad.push_back(all / 2);
    pad.push_back(all - all / 2);
  }
  return pad;
}

// Biases of integers are in steps of input and weights.
Result<std::optional<Var>> BiasOf(Lowering& l, const Node& n, int operand) {
  if (!n.has(operand)) return std::optional<Var>();
  const OctetDelegateTensor &b = n.input(operand), &w = n.input(1);
  if (!b.data) return Refuse("a bias that is computed");
  if (b.type != kI32) {
    OCTET_ASSIGN(Var bias, l.In(n, operand));
    return std::optional<Var>(std::move(bias));
  }
  const OctetDelegateTensor& x = n.input(n.op() == "transpose_conv" ? 2 : 0);
  if (x.num_scales != 1 || w.num_scales < 1) return Refuse("a bias of integers without scales");
  std::vector<float> values(static_cast<size_t>(CountOf(n.in_dims(operand))));
  if (w.num_scales > 1 && static_cast<size_t>(w.num_scales) != values.size()) return Refuse("how its scales are laid out");
  for (size_t i = 0; i < values.size(); ++i) {
    int32_t steps = 0;
    std::memcpy(&steps, static_cast<const char*>(b.data) + 4 * i, 4);
    values[i] = static_cast<float>(static_cast<double>(steps) * x.scales[0] * w.scales[w.num_scales > 1 ? i : 0]);
  }
  return std::optional<Var>(l.p.Weights(values, {static_cast<int64_t>(values.size())}));
}

void AddBias(std::vector<Argument>* arguments, const std::optional<Var>& bias) {
  if (bias) arguments->push_back({"bias", {*bias}});
}

// order: of the file's weights as [out, in of a group, height, width].
Status Convolve(Lowering& l, const Node& n, const Longs& order, int64_t groups) {
  OCTET_ASSIGN(const Var x, l.In(n, 0, Form::kImage));
  OCTET_ASSIGN(const Var w, l.Weights(n.in(1), n.in_dims(1), order));
  OCTET_ASSIGN(const std::optional<Var> bias, BiasOf(l, n, 2));
  const Dims out = l.OutDims(n, Form::kImage);
  const Longs stride = {n.Int("stride_h"), n.Int("stride_w")}, dilation = {n.Int("dilation_h_factor"), n.Int("dilation_w_factor")};
  const Longs pad = PadOf(n, {x.dims[2], x.dims[3]}, {out[2], out[3]}, {w.dims[2], w.dims[3]}, stride, dilation);
  std::vector<Argument> arguments = {{"x", {x}}, {"weight", {w}}, {"strides", {l.p.Ints(stride)}}, {"pad_type", {l.p.Text("custom")}}, {"pad", {l.p.Ints(pad)}},
                                     {"dilations", {l.p.Ints(dilation)}}, {"groups", {l.p.Int(groups)}}};
  AddBias(&arguments, bias);
  return l.SetActivated(n, l.p.Apply("conv", arguments, x.type, out), Form::kImage);
}

Status Conv2d(Lowering& l, const Node& n) { return Convolve(l, n, kToImage, n.in_dims(0)[3] / n.in_dims(1)[3]); }
Status DepthwiseConv2d(Lowering& l, const Node& n) { return Convolve(l, n, {3, 0, 1, 2}, n.in_dims(0)[3]); }

// Every input element is spread over a window; what sticks out beyond the output is cut off.
Status TransposeConv(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 2, Form::kImage));
  OCTET_ASSIGN(const Var w, l.Weights(n.in(1), n.in_dims(1), {3, 0, 1, 2}));
  OCTET_ASSIGN(const std::optional<Var> bias, BiasOf(l, n, 3));
  const Dims out = l.OutDims(n, Form::kImage);
  const Longs stride = {n.Int("stride_h"), n.Int("stride_w")};
  Longs pad;
  for (size_t i = 0; i < 2; ++i) {
    const int64_t all = (x.dims[2 + i] - 1) * stride[i] + w.dims[2 + i] - out[2 + i];
    if (all < 0) return Refuse("windows smaller than their strides");
    pad.push_back(all / 2);
    pad.push_back(all - all / 2);
  }
  if (n.Int("padding") != 0 && pad != Longs{0, 0, 0, 0}) return Refuse("an output that is smaller than its windows");
  std::vector<Argument> arguments = {{"x", {x}}, {"weight", {w}}, {"strides", {l.p.Ints(stride)}}, {"pad_type", {l.p.Text("custom")}},
                                     {"pad", {l.p.Ints(pad)}}};
  AddBias(&arguments, bias);
  return l.SetActivated(n, l.p.Apply("conv_transpose", arguments, x.type, out), Form::kImage);
}

Status FullyConnected(Lowering& l, const Node& n) {
  if (n.Int("weights_format") != 0) return Refuse("how its weights are laid out");
  const Dims weights = n.in_dims(1), out = n.out_dims();
  OCTET_ASSIGN(const Var in, l.In(n, 0));
  const int64_t rows = CountOf(in.dims) / weights[1];
  const Var x = l.Reshape(in, {rows, weights[1]});
  OCTET_ASSIGN(const std::optional<Var> bias, BiasOf(l, n, 2));
  if (n.input(1).data) {
    OCTET_ASSIGN(const Var w, l.Weights(n.in(1), weights, {0, 1}));
    std::vector<Argument> arguments = {{"x", {x}}, {"weight", {w}}};
    AddBias(&arguments, bias);
    return l.SetActivated(n, l.Reshape(l.p.Apply("linear", arguments, x.type, {rows, weights[0]}), out), Form::kFile);
  }
  OCTET_ASSIGN(const Var w, l.In(n, 1));
  Var y = l.p.Apply("matmul", {{"x", {x}}, {"y", {w}}, {"transpose_x", {l.p.Bool(false)}}, {"transpose_y", {l.p.Bool(true)}}}, x.type, {rows, weights[0]});
  if (bias) y = l.Binary("add", y, *bias, y.dims);
  return l.SetActivated(n, l.Reshape(y, out), Form::kFile);
}

Status BatchMatmul(Lowering& l, const Node& n) {
  OCTET_ASSIGN(const Var x, l.In(n, 0));
  OCTET_ASSIGN(const Var y, l.In(n, 1));
  if (x.dims.size() < 2 || y.dims.size() < 2) return Refuse("operands of one dimension");
  return l.Set(n, 0,
               l.p.Apply("matmul", {{"x", {x}}, {"y", {y}}, {"transpose_x", {l.p.Bool(n.Int("adj_x") != 0)}}, {"transpose_y", {l.p.Bool(n.Int("adj_y") != 0)}}},
                         x.type, n.out_dims()));
}

Status Pool(Lowering& l, const Node& n, std::string_view operation, bool average) {
  OCTET_ASSIGN(const Var x, l.In(n, 0, Form::kImage));
  const Dims out = l.OutDims(n, Form::kImage);
  const Longs stride = {n.Int("stride_h"), n.Int("stride_w")}, window = {n.Int("filter_height"), n.Int("filter_width")};
  std::vector<Argument> arguments = {{"x", {x}}, {"kernel_sizes", {l.p.Ints(window)}}, {"strides", {l.p.Ints(stride)}}, {"pad_type", {l.p.Text("custom")}},
                                     {"pad", {l.p.Ints(PadOf(n, {x.dims[2], x.dims[3]}, {out[2], out[3]}, window, stride, {1, 1}))}}, {"ceil_mode", {l.p.Bool(false)}}};
  if (average) arguments.push_back({"exclude_padding_from_average", {l.p.Bool(true)}});
  return l.SetActivated(n, l.p.Apply(operation, arguments, x.type, out), Form::kImage);
}
Status AveragePool2d(Lowering& l, const Node& n) { return Pool(l, n, "avg_pool", true); }
Status MaxPool2d(Lowering& l, const Node& n) { return Pool(l, n, "max_pool", false); }

constexpr Entry kEntries[] = {
    {"conv_2d", Conv2d}, {"depthwise_conv_2d", DepthwiseConv2d}, {"transpose_conv", TransposeConv}, {"fully_connected", FullyConnected},
    {"batch_matmul", BatchMatmul}, {"average_pool_2d", AveragePool2d}, {"max_pool_2d", MaxPool2d},
};

}  // namespace

std::span<const Entry> ProductEntries() { return kEntries; }

}  // namespace octet::coreml
