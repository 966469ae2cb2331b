// SPDX-License-Identifier: Apache-2.0
#include "passes/flatten_volumes.h"

#include "ops/conv_3d_util.h"
#include "ops/move_attrs.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// Volumes of known size, and few enough elements for sizes and places in 32 bits.
bool IsSmall(const Shape& s) {
  constexpr uint64_t kMost = 1 << 28;
  if (s.rank() != 5 || !Shape(s.dims().subspan(1)).known()) return false;
  uint64_t bytes = 0;
  return CheckedBytes(DType::kI8, Shape(s.dims().subspan(1)), &bytes) && bytes <= kMost && bytes * static_cast<uint64_t>(std::max(s[0], 1)) <= kMost;
}

// One convolution's nodes, made before it.
class Volume {
 public:
  Volume(Graph& g, NodeId id) : g_(g), id_(id), n_(g.node(id)), a_(*static_cast<const ops::Conv3dAttrs*>(n_.attrs.get())) {}

  bool Flatten() {
    if (n_.inputs.size() < 2 || !g_.is_constant(n_.inputs[1]) || Type(n_.inputs[0]).dtype != DType::kF32) return false;
    in_ = Type(n_.inputs[0]).shape, filter_ = Type(n_.inputs[1]).shape, out_ = Type(n_.outputs[0]).shape;
    if (!IsSmall(in_) || !IsSmall(out_) || filter_.rank() != 5) return false;
    const bool alone = filter_[1] == 1 && filter_[2] == 1 && a_.stride_h == 1 && a_.stride_w == 1;
    const TensorId y = alone ? AlongDepth() : OverFrames();
    ReplaceByReshape(g_, id_, y);
    return true;
  }

 private:
  const TensorType& Type(TensorId t) const { return g_.tensor(t).type; }
  std::string Name(const char* part) const { return g_.tensor(n_.outputs[0]).name + part; }

  TensorId Node(const char* op, std::vector<TensorId> inputs, graph::Attributes attrs, const char* name, const Shape& shape) {
    const TensorId y = g_.AddTensor(Name(name), {DType::kF32, shape, {}});
    g_.AddNode(*ops::Find(op), std::move(attrs), std::move(inputs), {y}, n_.place, id_);
    return y;
  }
  TensorId Node(const char* op, std::vector<TensorId> inputs, const char* name, const Shape& shape) {
    return Node(op, std::move(inputs), graph::Attributes(ops::Find(op)->attrs), name, shape);
  }

  // The first dimension is what is left.
  TensorId Reshaped(TensorId x, const char* name, Shape shape) {
    std::vector<int32_t> dims(shape.dims().begin(), shape.dims().end());
    dims[0] = -1;
    return Node("reshape", {x, g_.AddConstant<int32_t>(Name(name) + "/shape", Shape{shape.rank()}, dims)}, name, shape);
  }

  // [d, h, w, in, out] -> [out, h, w, d * in], or [out, d, 1, in] where the depth is the height.
  TensorId Filter(const Shape& shape) {
    const std::span<const float> from = g_.tensor(n_.inputs[1]).data<float>();
    const int64_t taps = int64_t{filter_[1]} * filter_[2], depth = filter_[0], ins = filter_[3], outs = filter_[4];
    std::vector<float> to;
    to.reserve(from.size());
    for (int64_t o = 0; o < outs; ++o)
      for (int64_t t = 0; t < taps; ++t)
        for (int64_t d = 0; d < depth; ++d)
          for (int64_t i = 0; i < ins; ++i) to.push_back(from[static_cast<size_t>(((d * taps + t) * ins + i) * outs + o)]);
    return g_.AddConstant<float>(g_.tensor(n_.inputs[1]).name + "/flat", shape, to);
  }

  TensorId Convolve(TensorId x, const Shape& filter, int32_t stride_h, int32_t stride_w, int32_t dilation_h, int32_t dilation_w, const Shape& shape) {
    const TensorId bias = n_.inputs.size() > 2 ? n_.inputs[2] : graph::kNoTensor;
    const TensorId y = Node("conv_2d", {x, Filter(filter), bias}, "/flat", shape);
    graph::Node& conv = g_.node(g_.tensor(y).producer);
    *FindAttr<ops::Padding>(conv, "padding") = a_.padding;
    *FindAttr<ops::Activation>(conv, "fused_activation_function") = a_.activation;
    *FindAttr<int32_t>(conv, "stride_h") = stride_h;
    *FindAttr<int32_t>(conv, "stride_w") = stride_w;
    *FindAttr<int32_t>(conv, "dilation_h_factor") = dilation_h;
    *FindAttr<int32_t>(conv, "dilation_w_factor") = dilation_w;
    return y;
  }

  TensorId AlongDepth() {
    const int32_t plane = in_[2] * in_[3];
    const TensorId x = Reshaped(n_.inputs[0], "/columns", Shape{in_[0], in_[1], plane, in_[4]});
    return Convolve(x, Shape{filter_[4], filter_[0], 1, filter_[3]}, a_.stride_d, 1, a_.dilation_d, 1, Shape{out_[0], out_[1], plane, out_[4]});
  }

  TensorId OverFrames() {
    const auto frames = [&](const Shape& s) { return s[0] == kUnknown ? kUnknown : s[0] * out_[1]; };
    const TensorId x = Reshaped(SideBySide(), "/frames", Shape{frames(in_), in_[2], in_[3], filter_[0] * in_[4]});
    return Convolve(x, Shape{filter_[4], filter_[1], filter_[2], filter_[0] * filter_[3]}, a_.stride_h, a_.stride_w, a_.dilation_h, a_.dilation_w,
                    Shape{frames(out_), out_[2], out_[3], out_[4]});
  }

  // Of each step along the depth the frames under the filter: [N, steps, H, W, d * C].
  TensorId SideBySide() {
    if (filter_[0] == 1 && a_.stride_d == 1) return n_.inputs[0];
    const TensorId x = Padded();
    std::vector<TensorId> parts;
    for (int32_t d = 0; d < filter_[0]; ++d) {
      std::vector<int32_t> at;
      for (int32_t step = 0; step < out_[1]; ++step) at.push_back(step * a_.stride_d + d * a_.dilation_d);
      graph::Attributes attrs(ops::Find("gather")->attrs);
      attrs.as<ops::GatherAttrs>().axis = 1;
      const TensorId places = g_.AddConstant<int32_t>(Name("/places"), Shape{out_[1]}, at);
      parts.push_back(Node("gather", {x, places}, std::move(attrs), "/step", Shape{in_[0], out_[1], in_[2], in_[3], in_[4]}));
    }
    if (parts.size() == 1) return parts[0];
    graph::Attributes attrs(ops::Find("concatenation")->attrs);
    attrs.as<ops::ConcatenationAttrs>().axis = 4;
    return Node("concatenation", parts, std::move(attrs), "/steps", Shape{in_[0], out_[1], in_[2], in_[3], filter_[0] * in_[4]});
  }

  TensorId Padded() {
    const ops::Window w = ops::SlideConv3d(a_, in_, filter_, 0);
    const int32_t reach = (out_[1] - 1) * a_.stride_d + (filter_[0] - 1) * a_.dilation_d + 1;
    const auto before = static_cast<int32_t>(w.pad_before), after = std::max(0, reach - before - in_[1]);
    if (before == 0 && after == 0) return n_.inputs[0];
    const TensorId amounts = g_.AddConstant<int32_t>(Name("/amounts"), Shape{5, 2}, std::vector<int32_t>{0, 0, before, after, 0, 0, 0, 0, 0, 0});
    return Node("pad", {n_.inputs[0], amounts}, "/padded", Shape{in_[0], before + in_[1] + after, in_[2], in_[3], in_[4]});
  }

  Graph& g_;
  const NodeId id_;
  const graph::Node n_;
  const ops::Conv3dAttrs& a_;
  Shape in_, filter_, out_;
};

}  // namespace

int FlattenVolumes(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return g.node(id).op->name == "conv_3d" && Volume(g, id).Flatten(); });
}

}  // namespace octet::passes
