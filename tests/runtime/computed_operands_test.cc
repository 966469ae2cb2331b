// SPDX-License-Identifier: Apache-2.0
// Operators whose shape operands are computed: where a slice begins may change while its size stays.
#include <gtest/gtest.h>

#include <cstring>

#include "exporter/exporter.h"
#include "ops/move_attrs.h"
#include "runtime/interpreter.h"

namespace octet::runtime {
namespace {

// y = x[begin:end] * 1, with begin and end as inputs, then flattened.
std::vector<std::byte> SliceModel() {
  graph::Model model;
  graph::Graph& g = model.subgraphs.emplace_back();
  const ops::OpDef &slice = *ops::Find("strided_slice"), &reshape = *ops::Find("reshape");
  const int32_t one[] = {1}, flat[] = {-1};
  const auto x = g.AddTensor("x", {DType::kF32, Shape{6}, {}});
  const auto begin = g.AddTensor("begin", {DType::kI32, Shape{1}, {}});
  const auto end = g.AddTensor("end", {DType::kI32, Shape{1}, {}});
  const auto stride = g.AddConstant<int32_t>("stride", Shape{1}, one);
  const auto shape = g.AddConstant<int32_t>("shape", Shape{1}, flat);
  const auto part = g.AddTensor("part", {DType::kF32, Shape{kUnknown}, {}});
  const auto y = g.AddTensor("y", {DType::kF32, Shape{kUnknown}, {}});
  g.AddNode(slice, graph::Attributes(slice.attrs), {x, begin, end, stride}, {part}, "slice");
  g.AddNode(reshape, graph::Attributes(reshape.attrs), {part, shape}, {y}, "flatten");
  g.inputs = {x, begin, end};
  g.outputs = {y};
  auto bytes = exporter::Export(model);
  EXPECT_TRUE(bytes.ok()) << (bytes.ok() ? "" : bytes.error().message());
  return bytes.ok() ? std::move(*bytes) : std::vector<std::byte>();
}

TEST(ComputedOperands, KernelsFollowTheValuesEvenWhenTheShapeStays) {
  const std::vector<std::byte> file = SliceModel();
  auto model = Model::FromBytes(file);
  ASSERT_TRUE(model.ok()) << model.error().message();
  auto interpreter = Interpreter::Create(*model);
  ASSERT_TRUE(interpreter.ok()) << interpreter.error().message();
  Interpreter& run = **interpreter;
  ASSERT_TRUE(run.Allocate().ok());
  const int32_t ranges[][2] = {{0, 2}, {3, 5}, {1, 6}, {4, 6}, {4, 6}, {2, 2}, {0, 2}};
  for (const auto& [begin, end] : ranges) {
    for (int i = 0; i < 6; ++i) reinterpret_cast<float*>(run.input(0).data)[i] = static_cast<float>(10 * i);
    std::memcpy(run.input(1).data, &begin, sizeof begin);
    std::memcpy(run.input(2).data, &end, sizeof end);
    const Status status = run.Invoke();
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_EQ(run.output(0).type->shape, Shape{end - begin});
    for (int32_t i = begin; i < end; ++i)
      EXPECT_EQ(reinterpret_cast<const float*>(run.output(0).data)[i - begin], static_cast<float>(10 * i)) << begin;
  }
}

}  // namespace
}  // namespace octet::runtime
