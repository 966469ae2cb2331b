// SPDX-License-Identifier: Apache-2.0
// Schemes that need no data: dynamic range, int4 in blocks and float16.
#include <algorithm>
#include <cmath>

#include "base/float16.h"
#include "graph/nibbles.h"
#include "passes/lookups.h"
#include "quantizer/quantize.h"
#include "quantizer/roles.h"
#include "quantizer/weight_scales.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int64_t kSmallestWeights = 1024;  // Elements; smaller ones gain nothing, as in TensorFlow Lite.
constexpr float kSmallestHalf = 6e-8f;      // The smallest float16 above zero.

bool Chosen(const Graph& g, NodeId id, const Layers* only) {
  return !only || (!g.node(id).outputs.empty() && only->contains(g.tensor(g.node(id).outputs[0]).name));
}

// Can this node run with such weights and float activations, by its definition?
bool HasHybridForm(const Graph& g, NodeId id, int weights, const TensorType& type) {
  const graph::NodeView lens(g, id);
  std::vector<const TensorType*> in(lens.view().inputs.begin(), lens.view().inputs.end());
  in[static_cast<size_t>(weights)] = &type;
  ops::OpView view = lens.view();
  view.inputs = in;
  return ops::MatchTypes(view).ok() && (!view.def->check || view.def->check(view).ok());
}

// Constant float weights of a matrix: of a dense layer, or the table of a lookup. -1 where there are none.
int MatrixOperand(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  for (size_t i = 0; i < std::min(n.inputs.size(), n.op->inputs.size()); ++i) {
    const TensorId t = n.inputs[i];
    if (n.op->inputs[i].role == ops::Role::kWeights && g.is_constant(t) && g.tensor(t).type.dtype == DType::kF32 && g.tensor(t).type.shape.rank() == 2)
      return static_cast<int>(i);
  }
  return -1;
}

// A lookup in place of rows gathered from a table that is worth it: gathered rows have the table's type.
NodeId AsLookup(Graph& g, NodeId id) {
  if (!passes::IsRowGather(g, id)) return id;
  const graph::Tensor& table = g.tensor(g.node(id).inputs[0]);
  return table.type.dtype == DType::kF32 && table.type.shape.elements() >= kSmallestWeights ? passes::MakeLookup(g, id) : id;
}

// The scale of which all numbers of a block are multiples -8 to 7; 0 where there is none.
float ScaleOfMultiples(std::span<const float> block) {
  float most = 0.0f;
  for (const float v : block) most = std::abs(v) > std::abs(most) ? v : most;
  if (most == 0.0f) return kSmallestHalf;
  for (int k = 1; k <= 8; ++k) {  // The largest number is k or -k.
    const float scale = std::abs(most) / static_cast<float>(k);
    const bool fits = std::ranges::all_of(block, [scale](float v) {
      const float q = std::round(v / scale);
      return q >= -8.0f && q <= 7.0f && std::abs(v - q * scale) <= 1e-5f * std::abs(v);
    });
    if (fits) return scale;
  }
  return 0.0f;
}

// Weights that came in blocks of four bits take them again: the same numbers, scales rounded to half floats. False: they did not.
bool RestoreBlocks(Graph& g, NodeId id) {
  const int operand = MatrixOperand(g, id);
  if (operand < 0) return false;
  const graph::Tensor& w = g.tensor(g.node(id).inputs[static_cast<size_t>(operand)]);
  const Shape shape = w.type.shape;
  const std::span<const float> values = w.data<float>();
  for (const int32_t size : {256, 128, 64, 32}) {  // What runtimes have kernels for.
    if (shape.elements() < kSmallestWeights || shape[1] % size != 0) continue;
    Quant q{{}, {}, 0, size};
    std::vector<int8_t> numbers;
    for (size_t at = 0; at < values.size(); at += static_cast<size_t>(size)) {
      const std::span<const float> block = values.subspan(at, static_cast<size_t>(size));
      const float scale = ScaleOfMultiples(block);
      if (scale == 0.0f) break;
      q.scale.push_back(std::max(F16ToF32(F32ToF16(scale)), kSmallestHalf));
      for (const float v : block) numbers.push_back(static_cast<int8_t>(std::round(v / scale)));
    }
    if (numbers.size() != values.size()) continue;
    q.zero_point.assign(q.scale.size(), 0);
    const TensorType type{DType::kI4, shape, q};
    if (!HasHybridForm(g, id, operand, type)) return false;
    const std::string name = w.name;
    const std::vector<int8_t> packed = graph::Pack4(numbers);
    g.SetInput(id, operand, g.AddConstant(name, type, graph::MakeBuffer(std::as_bytes(std::span(packed)))));
    return true;
  }
  return false;
}

// True where the weights took four bits.
bool QuantizeBlocks(Graph& g, NodeId id) {
  const int operand = MatrixOperand(g, id);
  if (operand < 0) return false;
  const graph::Tensor& w = g.tensor(g.node(id).inputs[static_cast<size_t>(operand)]);
  const Shape shape = w.type.shape;
  if (shape.elements() < kSmallestWeights || shape[1] % kInt4Block != 0) return false;
  const std::span<const float> values = w.data<float>();
  Quant q{{}, {}, 0, kInt4Block};
  std::vector<int8_t> rounded;
  for (size_t at = 0; at < values.size(); at += kInt4Block) {
    const std::span<const float> block = values.subspan(at, kInt4Block);
    const float scale = std::max(F16ToF32(F32ToF16(Int4Scale(block))), kSmallestHalf);  // The file holds half floats.
    q.scale.push_back(scale);
    for (float v : block) rounded.push_back(static_cast<int8_t>(std::clamp(std::round(v / scale), -kInt4Steps, kInt4Steps)));
  }
  q.zero_point.assign(q.scale.size(), 0);
  const TensorType type{DType::kI4, shape, q};
  if (!HasHybridForm(g, id, operand, type)) return false;
  const std::string name = w.name;
  const std::vector<int8_t> packed = graph::Pack4(rounded);
  g.SetInput(id, operand, g.AddConstant(name, type, graph::MakeBuffer(std::as_bytes(std::span(packed)))));
  return true;
}

// Symmetric int8 in place of float weights, if the operator takes them so: one scale per slice of `axis`, or one for all.
bool QuantizeTo8(Graph& g, NodeId id, int operand, int axis, bool one_scale) {
  const graph::Tensor& w = g.tensor(g.node(id).inputs[static_cast<size_t>(operand)]);
  const Shape shape = w.type.shape;
  if (shape.elements() < kSmallestWeights) return false;
  ChannelLayout layout(shape, axis);
  if (one_scale) layout.inner = shape.elements(), layout.channels = 1;
  const std::span<const float> values = w.data<float>();
  const std::vector<float> scales = WeightScales(values, layout, false);
  const TensorType type{DType::kI8, shape, Quant{scales, std::vector<int32_t>(scales.size(), 0), one_scale ? 0 : axis, 0}};
  if (!HasHybridForm(g, id, operand, type)) return false;
  const std::string name = w.name;
  const std::vector<int8_t> steps = WeightSteps(values, layout, scales, kInt8Steps);
  g.SetInput(id, operand, g.AddConstant(name, type, graph::MakeBuffer(std::as_bytes(std::span(steps)))));
  return true;
}

// Per channel where the operator's integer form has that. A lookup's table: one scale per row.
void QuantizeHybrid(Graph& g, NodeId id, const RewriteOptions& options) {
  WeightedOp op;
  if (RestoreBlocks(g, id)) return;
  if (!FindWeights(g, id, &op)) {
    if (const int table = MatrixOperand(g, id); table >= 0) QuantizeTo8(g, id, table, 0, false);
    return;
  }
  const ops::QuantRow* rule = RuleFor(*g.node(id).op, op.weights, DType::kI8);
  const Shape& shape = g.tensor(g.node(id).inputs[static_cast<size_t>(op.weights)]).type.shape;
  const bool one_scale = !rule || rule->kind != ops::QuantKind::kPerChannel || (shape.rank() == 2 && options.OneScale(shape));
  if (!QuantizeTo8(g, id, op.weights, op.output_axis, one_scale)) return;
  for (const ops::AttrRow& row : g.node(id).op->attrs.rows)
    if (row.name == "asymmetric_quantize_inputs") *static_cast<bool*>(row.at(g.node(id).attrs.get())) = true;
}

}  // namespace

Status QuantizeDynamicRange(graph::Model& model, const Layers* only, const RewriteOptions& options) {
  for (Graph& g : model.subgraphs) {
    for (const std::vector<NodeId> nodes = g.order(); NodeId id : nodes)
      if (Chosen(g, id, only)) QuantizeHybrid(g, AsLookup(g, id), options);
    g.RemoveDead();
  }
  return graph::Verify(model);
}

Status QuantizeInt4Blocks(graph::Model& model, const Layers* only, const RewriteOptions& options) {
  for (Graph& g : model.subgraphs) {
    for (const std::vector<NodeId> nodes = g.order(); NodeId id : nodes) {
      if (!Chosen(g, id, only)) continue;
      const NodeId as = AsLookup(g, id);
      if (!RestoreBlocks(g, as) && !QuantizeBlocks(g, as)) QuantizeHybrid(g, as, options);
    }
    g.RemoveDead();
  }
  return graph::Verify(model);
}

Status QuantizeFloat16(graph::Model& model, const Layers* only) {
  const ops::OpDef& dequantize = *ops::Find("dequantize");
  for (Graph& g : model.subgraphs) {
    const size_t count = g.tensors().size();
    for (size_t i = 0; i < count; ++i) {
      const auto t = static_cast<TensorId>(i);
      if (!g.is_constant(t) || g.tensor(t).type.dtype != DType::kF32 ||
          std::ranges::none_of(g.tensor(t).consumers, [&](NodeId id) { return Chosen(g, id, only); }))
        continue;
      std::vector<uint16_t> half;
      for (float v : g.tensor(t).data<float>()) half.push_back(F32ToF16(std::clamp(v, -65504.0f, 65504.0f)));
      const std::string name = g.tensor(t).name;
      const Shape shape = g.tensor(t).type.shape;
      const TensorId small = g.AddConstant(name + "/float16", {DType::kF16, shape, {}}, graph::MakeBuffer(std::as_bytes(std::span(half))));
      const TensorId wide = g.AddTensor(name, {DType::kF32, shape, {}});
      g.ReplaceUses(t, wide);
      g.AddNode(dequantize, graph::Attributes(dequantize.attrs), {small}, {wide}, name, g.order().front());
    }
    g.RemoveDead();
  }
  return graph::Verify(model);
}

}  // namespace octet::quantizer
