// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/fake_quant.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace octet::importers {

namespace {
// `levels`: how many a length is.
template <class Measure> float RoundBy(const Levels& l, float x, Measure levels) {
  const float low = (l.lowest - l.zero) * l.scale, high = (l.highest - l.zero) * l.scale;
  const float below = std::floor(levels(-low) + 0.5f);
  return std::floor(levels(std::clamp(x, low, high) - low) - below + 0.5f) * l.scale;
}
}  // namespace

float Levels::Round(float x) const {
  return RoundBy(*this, x, [this](float length) { return length / scale; });
}

float Levels::RoundOfChannel(float x, float min, float max) const {
  const float per_unit = (highest - lowest) / (max - min);  // 1 / scale but for its last bit.
  return max > min ? RoundBy(*this, x, [per_unit](float length) { return length * per_unit; }) : Round(x);
}

Levels MakeLevels(float min, float max, int bits, bool narrow) {
  Levels l;
  l.lowest = narrow ? 1.0f : 0.0f;
  l.highest = static_cast<float>((1 << bits) - 1);
  l.scale = (max - min) / (l.highest - l.lowest);
  if (!(l.scale > 0)) l.scale = 1;
  l.zero = std::clamp(std::round(l.lowest - min / l.scale), l.lowest, l.highest);
  return l;
}

Quant GridOf(std::span<const Levels> levels, int axis) {
  Quant grid;
  for (const Levels& l : levels) {
    if (l.highest > 255) return {};
    grid.scale.push_back(l.scale);
    grid.zero_point.push_back(static_cast<int32_t>(l.zero) - (static_cast<int32_t>(l.highest) + 1) / 2);
  }
  grid.axis = levels.size() > 1 ? axis : 0;
  return grid;
}

KernelGrid::KernelGrid(const Shape& shape, std::span<const float> values, int axis)
    : inner_(axis < 0 ? 1 : shape.elements(axis + 1, shape.rank())), channels_(axis < 0 ? 1 : shape[axis]) {
  type_.shape = shape;
  type_.quant.axis = std::max(axis, 0);
  type_.quant.scale.assign(static_cast<size_t>(channels_), 0.0f);
  type_.quant.zero_point.assign(static_cast<size_t>(channels_), 0);
  for (size_t i = 0; i < values.size(); ++i) scale(i) = std::max(scale(i), std::fabs(values[i]));
  for (float& scale : type_.quant.scale) scale = scale > 0 ? scale / 127.0f : 1.0f;
}

void GiveGrids(graph::Graph& g) {
  for (const graph::NodeId id : g.order()) {
    const graph::Node& n = g.node(id);
    for (const ops::QuantRow& row : n.op->quantization) {
      if (row.kind != ops::QuantKind::kPerChannel || row.operand < 0 || static_cast<size_t>(row.operand) >= n.inputs.size()) continue;
      const graph::TensorId w = n.inputs[static_cast<size_t>(row.operand)];
      if (!g.is_constant(w)) continue;
      TensorType& type = g.tensor(w).type;
      if (type.dtype != DType::kF32 || !type.quant.empty() || row.axis >= type.shape.rank() || type.shape.elements() == 0) continue;
      type.quant = KernelGrid(type.shape, g.tensor(w).data<float>(), row.axis).type().quant;
    }
  }
}

void GiveFixedScales(graph::Graph& g) {
  const std::vector<graph::NodeId> order = g.order();
  const auto made_by = [&](graph::TensorId t, std::string_view op) { return g.tensor(t).producer >= 0 && g.node(g.tensor(t).producer).op->name == op; };
  for (const graph::NodeId id : order) {
    const graph::Node n = g.node(id);
    for (const ops::QuantRow& row : n.op->quantization) {
      if (row.operand != ~0 || row.kind != ops::QuantKind::kFixed || row.when != DType::kI8 || !made_by(n.inputs[0], "dequantize")) continue;
      const graph::TensorId y = n.outputs[0];
      const TensorType type = g.tensor(y).type;
      const graph::NodeId reader = g.SoleConsumer(y);
      if (type.dtype != DType::kF32 || (reader >= 0 && g.node(reader).op->name == "quantize")) continue;
      const graph::TensorId exact = g.AddTensor(g.tensor(y).name + "/exact", type);
      const graph::TensorId bytes =
          g.AddTensor(g.tensor(y).name + "/quantized", {DType::kI8, type.shape, Quant::PerTensor(row.fixed_scale, row.fixed_zero_point)});
      g.SetOutput(id, 0, exact);
      for (const auto& [op, from, to] : {std::tuple("quantize", exact, bytes), std::tuple("dequantize", bytes, y)}) {
        const ops::OpDef& def = *ops::Find(op);
        g.AddNode(def, graph::Attributes(def.attrs), {from}, {to}, n.place);
      }
    }
  }
  g.Sort();
}

Result<Value> RoundInFloat(Lowering& c, Value x, std::span<const Levels> levels) {
  const auto list = [&](auto of) {
    std::vector<float> values;
    for (const Levels& l : levels) values.push_back(of(l));
    return c.Constant<float>(levels.size() == 1 ? Shape{} : Shape{static_cast<int32_t>(levels.size())}, values);
  };
  const Value low = list([](const Levels& l) { return (l.lowest - l.zero) * l.scale; }),
              high = list([](const Levels& l) { return (l.highest - l.zero) * l.scale; });
  OCTET_ASSIGN(Value y, c.Make("minimum", {x, high}));
  OCTET_ASSIGN(y, c.Make("maximum", {y, low}));
  OCTET_ASSIGN(y, c.Make("sub", {y, low}));
  OCTET_ASSIGN(y, c.Make("mul", {y, list([](const Levels& l) { return 1 / l.scale; })}));
  OCTET_ASSIGN(y, c.Make("add", {y, c.Scalar(0.5f)}));
  OCTET_ASSIGN(y, c.Make("floor", {y}));
  OCTET_ASSIGN(y, c.Make("mul", {y, list([](const Levels& l) { return l.scale; })}));
  return c.Make("add", {y, low});
}

Result<Value> RoundToLevels(Lowering& c, Value x, const Levels& l) {
  if (l.highest != 255) return RoundInFloat(c, x, std::span(&l, 1));
  if (l.lowest > 0) {  // int8 has one level more.
    OCTET_ASSIGN(x, c.Make("maximum", {x, c.Scalar((l.lowest - l.zero) * l.scale)}));
  }
  const TensorType type{DType::kI8, c.shape(x), Quant::PerTensor(l.scale, static_cast<int32_t>(l.zero) - 128)};
  OCTET_ASSIGN(const Value q, c.EmitAs("quantize", std::span(&x, 1), nullptr, type));
  return c.EmitAs("dequantize", std::span(&q, 1), nullptr, {DType::kF32, c.shape(x), {}});
}

}  // namespace octet::importers
