// SPDX-License-Identifier: Apache-2.0
// What parts become before any device sees them: launches fused, memory used again, limits kept.
#include <deque>

#include "delegates/gpu/lower.h"
#include "tests/model_builder.h"

namespace octet::gpu {
namespace {

// Float tensors of 64 elements; node i reads `reads[i]` and writes tensor `writes`.
struct TestGraph {
  std::vector<OctetDelegateTensor> tensors;
  std::vector<OctetDelegateNode> nodes;
  std::deque<std::vector<int32_t>> lists;
  OctetDelegateGraph graph{};

  explicit TestGraph(int count) {
    for (int i = 0; i < count; ++i) {
      OctetDelegateTensor t{};
      t.name = "t";
      t.rank = 2;
      t.dims[0] = 4, t.dims[1] = 16;
      t.bytes = 256;
      tensors.push_back(t);
    }
  }
  void Add(const char* op, std::vector<int32_t> reads, int32_t writes) {
    OctetDelegateNode n{};
    n.index = static_cast<int32_t>(nodes.size());
    n.code = static_cast<int32_t>(ops::Find(op)->code);
    n.op = op;
    n.inputs = lists.emplace_back(std::move(reads)).data();
    n.num_inputs = static_cast<int32_t>(lists.back().size());
    n.outputs = lists.emplace_back(std::vector<int32_t>{writes}).data();
    n.num_outputs = 1;
    nodes.push_back(n);
  }
  Builder Lowered(const Settings& settings, std::vector<int32_t> inputs, std::vector<int32_t> outputs) {
    graph.tensors = tensors.data();
    graph.num_tensors = static_cast<int32_t>(tensors.size());
    graph.nodes = nodes.data();
    graph.num_nodes = static_cast<int32_t>(nodes.size());
    Builder b(graph, settings, false);
    for (size_t i = 0; i < nodes.size(); ++i) {
      const Status status = Lower(Node(graph, static_cast<int>(i)), b);
      EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.message());
    }
    const OctetDelegatePart part{nullptr, 0, inputs.data(), outputs.data(), static_cast<int32_t>(inputs.size()), static_cast<int32_t>(outputs.size())};
    EXPECT_TRUE(b.Finish(part).ok());
    return b;
  }
};

// t1 = tanh(t0); t2 = exp(t1); t3 = t2 + t0: one launch, unless somebody reads t1.
TEST(GpuBuilder, FusesChainsOfElementWiseOperators) {
  TestGraph g(4);
  g.Add("tanh", {0}, 1);
  g.Add("exp", {1}, 2);
  g.Add("add", {2, 0}, 3);
  const Builder fused = g.Lowered({}, {0}, {3});
  ASSERT_EQ(fused.launches().size(), 1u);
  EXPECT_EQ(fused.launches()[0].stages.size(), 3u);
  EXPECT_EQ(fused.launches()[0].node, 2);
  EXPECT_TRUE(fused.slots().empty());  // Nothing in between is kept.
  EXPECT_EQ(g.Lowered({}, {0}, {1, 3}).launches().size(), 2u);
  EXPECT_EQ(g.Lowered({.fuse = false}, {0}, {3}).launches().size(), 3u);
}

TEST(GpuBuilder, UsesMemoryAgain) {
  TestGraph g(7);
  for (int i = 0; i < 6; ++i) g.Add("tanh", {i}, i + 1);
  EXPECT_EQ(g.Lowered({.fuse = false}, {0}, {6}).slots().size(), 2u);
}

TEST(GpuBuilder, KeepsToTheDevicesLimits) {
  TestGraph g(4);
  g.Add("add", {0, 1}, 2);
  g.Add("mul", {2, 1}, 3);
  EXPECT_EQ(g.Lowered({.most_buffers = 3}, {0, 1}, {3}).launches().size(), 2u);  // Together they would be four.
  EXPECT_EQ(g.Lowered({.most_buffers = 4}, {0, 1}, {3}).launches().size(), 1u);
  EXPECT_TRUE(g.Lowered({.most_buffers = 3}, {0, 1}, {3}).CheckLimits().ok());
  EXPECT_FALSE(g.Lowered({.most_buffers = 2}, {0, 1}, {3}).CheckLimits().ok());
  Builder small(g.graph, {.largest_buffer = 100}, true);
  const Status status = Lower(Node(g.graph, 0), small);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("too large"), std::string::npos);
}

// The same launch in both languages, with every kind of element.
TEST(GpuDialect, RendersBothLanguages) {
  const Argument arguments[] = {{"y", Kind::kI8, true}, {"a", Kind::kF16, false}};
  const std::string cl = Render(Language::kOpenClC, arguments, "", "BODY", {64, 1, 1}), gl = Render(Language::kGlsl, arguments, "", "BODY", {64, 1, 1});
  EXPECT_NE(cl.find("__kernel void octet_kernel(__constant const int* p, __global char4* y, __global const half* a)"), std::string::npos);
  EXPECT_EQ(gl.find("#version 310 es"), 0u);
  EXPECT_NE(gl.find("layout(std430, binding = 0) buffer B_y { uint y[]; }"), std::string::npos);
  EXPECT_NE(gl.find("layout(std430, binding = 1) readonly buffer B_a { uvec2 a[]; }"), std::string::npos);
  EXPECT_EQ(gl.find('@', gl.find("B_a")), std::string::npos);
}

}  // namespace
}  // namespace octet::gpu
