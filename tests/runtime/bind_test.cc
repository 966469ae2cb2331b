// SPDX-License-Identifier: Apache-2.0
// Ends of a model in the caller's memory: kernels stay within it, write no input, and compute the same as in memory of their own.
#include <sys/mman.h>
#include <unistd.h>

#include "tests/model_builder.h"

namespace octet {
namespace {

// Bytes that end where memory ends: the page behind them cannot be touched.
class Edge {
 public:
  explicit Edge(uint64_t bytes) : page_(static_cast<size_t>(::sysconf(_SC_PAGESIZE))), inner_((bytes + page_ - 1) / page_ * page_) {
    base_ = static_cast<std::byte*>(::mmap(nullptr, inner_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ::mprotect(base_ + page_, inner_, PROT_READ | PROT_WRITE);
    data = base_ + page_ + inner_ - bytes;
  }
  Edge(const Edge&) = delete;
  ~Edge() { ::munmap(base_, inner_ + 2 * page_); }
  void MakeReadOnly() { ::mprotect(base_ + page_, inner_, PROT_READ); }
  std::byte* data;

 private:
  const size_t page_, inner_;
  std::byte* base_;
};

void ExpectTheSameAtTheEdge(const graph::Model& graph, int threads) {
  const std::vector<std::byte> bytes = *exporter::Export(graph);
  auto model = std::move(*runtime::Model::FromBytes(bytes));
  auto bound = std::move(*runtime::Interpreter::Create(model, {.threads = threads}));
  auto own = std::move(*runtime::Interpreter::Create(model, {.threads = threads}));
  ASSERT_TRUE(bound->Allocate().ok() && own->Allocate().ok());
  std::vector<std::unique_ptr<Edge>> edges;
  const auto bind = [&](const runtime::TensorRef& t, int tensor) {
    edges.push_back(std::make_unique<Edge>(t.bytes));
    const Status status = bound->Bind(tensor, edges.back()->data, t.bytes);
    EXPECT_TRUE(status.ok()) << status.message();
  };
  for (int i = 0; i < own->num_inputs(); ++i) {
    const runtime::TensorRef x = own->input(i);
    if (x.type->dtype == DType::kF32) std::memcpy(x.data, test::RandomFloats(x.bytes / 4, 1).data(), x.bytes);
    else std::memcpy(x.data, test::RandomBytes(x.bytes, 1).data(), x.bytes);
    bind(x, bound->input_tensor(i));
    std::memcpy(edges.back()->data, x.data, x.bytes);
    edges.back()->MakeReadOnly();
  }
  for (int i = 0; i < own->num_outputs(); ++i) bind(own->output(i), bound->output_tensor(i));
  ASSERT_TRUE(bound->Invoke().ok() && own->Invoke().ok());
  for (int i = 0; i < own->num_outputs(); ++i) EXPECT_EQ(std::memcmp(bound->output(i).data, own->output(i).data, own->output(i).bytes), 0) << i;
}

TEST(Bind, FloatKernelsStayWithinTheCallersMemory) {
  for (const int32_t size : {5, 7, 9})
    for (const int32_t channels : {1, 3, 17}) {
      test::Builder b;
      const auto x = b.Input("x", {DType::kF32, Shape{1, size, size, channels}, {}});
      b.g().outputs = {b.Conv("conv", x, 19, 3, 1), b.Depthwise("depthwise", x, 3, 2), b.Node("relu", "relu", {x}), b.Node("softmax", "softmax", {x}),
                       b.Node("tanh", "tanh", {x})};
      for (const int threads : {1, 2}) ExpectTheSameAtTheEdge(b.model, threads);
    }
}

TEST(Bind, ByteKernelsStayWithinTheCallersMemory) {
  for (const int32_t elements : {1, 15, 33, 130}) {
    test::Builder b;
    const Quant q = Quant::PerTensor(0.05f, -3);
    const TensorType type{DType::kI8, Shape{3, elements}, q};
    const auto x = b.Input("x", type), y = b.Input("y", type);
    b.g().outputs = {b.Node("add", "sum", {x, y}, {DType::kI8, {}, q}), b.Node("relu", "relu", {x}, {DType::kI8, {}, q}),
                     b.Node("logistic", "logistic", {y}, {DType::kI8, {}, Quant::PerTensor(1 / 256.f, -128)})};
    for (const int threads : {1, 2}) ExpectTheSameAtTheEdge(b.model, threads);
  }
}

}  // namespace
}  // namespace octet
