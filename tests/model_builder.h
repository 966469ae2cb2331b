// SPDX-License-Identifier: Apache-2.0
// Small models for tests: built as graphs, exported, run from memory.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "exporter/exporter.h"
#include "graph/graph.h"
#include "runtime/interpreter.h"

namespace octet::test {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// Deterministic values in [-1, 1).
inline std::vector<float> RandomFloats(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> v(n);
  for (float& x : v) x = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-31f;
  return v;
}

inline std::vector<int8_t> RandomBytes(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int8_t> v(n);
  for (int8_t& x : v) {
    const uint32_t r = random();
    x = r % 16 == 0 ? int8_t{-128} : r % 16 == 1 ? int8_t{127} : static_cast<int8_t>(r >> 8);  // Extremes often.
  }
  return v;
}

// An attribute by its name in the schema.
template <class T> void SetAttr(graph::Node& n, std::string_view name, T value) {
  for (const ops::AttrRow& row : n.op->attrs.rows)
    if (row.name == name) *static_cast<T*>(row.at(n.attrs.get())) = value;
}

class Builder {
 public:
  graph::Model model;

  Builder() { model.subgraphs.emplace_back(); }
  Graph& g() { return model.main(); }

  TensorId Input(const std::string& name, TensorType type) {
    const TensorId t = g().AddTensor(name, std::move(type));
    g().inputs.push_back(t);
    return t;
  }
  template <class T> TensorId Constant(const std::string& name, Shape shape, const std::vector<T>& values, Quant quant = {}) {
    return g().AddConstant(name, {DTypeOf<T>, shape, std::move(quant)}, graph::MakeBuffer(std::as_bytes(std::span(values))));
  }
  // One output called `name`; its shape is inferred, its dtype and quantization are given by `type`.
  TensorId Node(std::string_view op, const std::string& name, std::vector<TensorId> inputs, TensorType type = {},
                const std::function<void(graph::Node&)>& attrs = {}) {
    const ops::OpDef& def = *ops::Find(op);
    const TensorId out = g().AddTensor(name, std::move(type));
    last = g().AddNode(def, graph::Attributes(def.attrs), std::move(inputs), {out}, name);
    if (attrs) attrs(g().node(last));
    const Status status = graph::InferNode(g(), last);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.message());
    return out;
  }
  // A convolution with random float weights.
  TensorId Conv(const std::string& name, TensorId x, int32_t out, int32_t size, uint32_t seed, const std::function<void(graph::Node&)>& attrs = {}) {
    const int32_t in = g().tensor(x).type.shape.back();
    const TensorId w = Constant<float>(name + "/w", Shape{out, size, size, in}, RandomFloats(static_cast<size_t>(out * size * size * in), seed));
    const TensorId b = Constant<float>(name + "/b", Shape{out}, RandomFloats(static_cast<size_t>(out), seed + 1));
    return Node("conv_2d", name, {x, w, b}, {}, attrs);
  }
  TensorId Depthwise(const std::string& name, TensorId x, int32_t size, uint32_t seed) {
    const int32_t c = g().tensor(x).type.shape.back();
    const TensorId w = Constant<float>(name + "/w", Shape{1, size, size, c}, RandomFloats(static_cast<size_t>(size * size * c), seed));
    const TensorId b = Constant<float>(name + "/b", Shape{c}, RandomFloats(static_cast<size_t>(c), seed + 1));
    return Node("depthwise_conv_2d", name, {x, w, b}, {}, [](graph::Node& n) { SetAttr<int32_t>(n, "depth_multiplier", 1); });
  }
  NodeId last = -1;
};

// A model in memory that runs.
class Runner {
 public:
  Runner(const graph::Model& model, runtime::Options options = {}) {
    auto bytes = exporter::Export(model);
    EXPECT_TRUE(bytes.ok()) << (bytes.ok() ? "" : bytes.error().message());
    bytes_ = std::move(*bytes);
    auto opened = runtime::Model::FromBytes(bytes_);
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message());
    auto interpreter = runtime::Interpreter::Create(*opened, options);
    EXPECT_TRUE(interpreter.ok()) << (interpreter.ok() ? "" : interpreter.error().message());
    it = std::move(*interpreter);
  }

  // Output 0 for the given bytes of input 0.
  template <class T> std::vector<T> Run(const std::vector<T>& x) {
    const Status allocated = it->Allocate();
    EXPECT_TRUE(allocated.ok()) << (allocated.ok() ? "" : allocated.message());
    EXPECT_EQ(it->input(0).bytes, x.size() * sizeof(T));
    std::memcpy(it->input(0).data, x.data(), x.size() * sizeof(T));
    EXPECT_TRUE(it->Invoke().ok());
    std::vector<T> y(it->output(0).bytes / sizeof(T));
    std::memcpy(y.data(), it->output(0).data, y.size() * sizeof(T));
    return y;
  }

  std::unique_ptr<runtime::Interpreter> it;

 private:
  std::vector<std::byte> bytes_;
};

inline float LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  float worst = a.size() == b.size() ? 0.0f : INFINITY;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

}  // namespace octet::test
