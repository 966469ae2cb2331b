// SPDX-License-Identifier: Apache-2.0
#include "quantizer/channel_gain.h"

#include <random>

#include "exporter/exporter.h"
#include "runtime/interpreter.h"

namespace octet::quantizer {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

namespace {

constexpr int kRows = 8;  // Of data, positive and negative.

std::vector<float> Random(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> v(n);
  for (float& x : v) x = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-31f;
  return v;
}

// The node alone, with other numbers in its place.
Result<std::vector<float>> Answer(const Graph& g, NodeId id, int operand, float factor) {
  const graph::Node& n = g.node(id);
  const int32_t channels = g.tensor(n.outputs[0]).type.shape.back();
  graph::Model one;
  one.subgraphs.emplace_back();
  Graph& to = one.main();
  const TensorType type{DType::kF32, Shape{kRows, channels}, {}};
  std::vector<float> numbers = Random(static_cast<size_t>(kRows * channels), 1);
  for (float& v : numbers) v *= factor;
  const TensorId data = to.AddTensor("data", type), constant = to.AddConstant<float>("constant", type.shape, numbers), out = to.AddTensor("out", type);
  to.inputs = {data};
  to.outputs = {out};
  to.AddNode(*n.op, n.attrs, operand == 0 ? std::vector{constant, data} : std::vector{data, constant}, {out}, "out");
  OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(one));
  OCTET_ASSIGN(const auto file, runtime::Model::FromBytes(bytes));
  OCTET_ASSIGN(const auto interpreter, runtime::Interpreter::Create(file, {}));
  OCTET_TRY(interpreter->Allocate());
  const std::vector<float> x = Random(static_cast<size_t>(kRows * channels), 2);
  std::ranges::copy(std::as_bytes(std::span(x)), interpreter->input(0).data);
  OCTET_TRY(interpreter->Invoke());
  const auto* y = reinterpret_cast<const float*>(interpreter->output(0).data);
  return std::vector<float>(y, y + x.size());
}

}  // namespace

int ChannelConstant(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.inputs.size() != 2 || n.outputs.size() != 1 || !(n.op->traits & ops::kElementwise)) return -1;
  const TensorType& out = g.tensor(n.outputs[0]).type;
  for (int i = 0; i < 2; ++i) {
    const TensorId c = n.inputs[static_cast<size_t>(i)], data = n.inputs[static_cast<size_t>(1 - i)];
    if (!g.is_constant(c) || data == graph::kNoTensor || g.is_constant(data)) continue;
    const TensorType& type = g.tensor(c).type;
    const bool per_channel = type.dtype == DType::kF32 && type.shape.rank() > 0 && type.shape.elements() == type.shape.back();
    if (per_channel && out.dtype == DType::kF32 && out.shape.rank() > 1 && type.shape.back() == out.shape.back() && out.shape.back() > 1) return i;
  }
  return -1;
}

bool GrowsWith(const Graph& g, NodeId id, int operand) {
  const auto once = Answer(g, id, operand, 1), twice = Answer(g, id, operand, 2);
  if (!once.ok() || !twice.ok()) return false;
  for (size_t i = 0; i < once->size(); ++i)
    if ((*twice)[i] != 2 * (*once)[i]) return false;  // Powers of two are exact.
  return true;
}

}  // namespace octet::quantizer
