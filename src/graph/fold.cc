// SPDX-License-Identifier: Apache-2.0
#include "graph/fold.h"

#include <algorithm>
#include <cstdlib>

#include "base/thread_pool.h"

namespace octet::graph {
namespace {

constexpr uint64_t kMaxBytes = 64u << 20;  // A fold may not blow the file up beyond reason.

// The planner's side of prepare for a single node.
class OnePrepare : public ops::Prepare {
 public:
  explicit OnePrepare(const ops::OpView& op) : Prepare(op, kScalar, 1) {}
  void Workspace(size_t bytes) override { workspace.resize(bytes + 64); }
  Result<const std::byte*> Pack(int, std::string_view, uint64_t, size_t bytes, void (*fill)(std::byte*, const void*),
                                const void* context) override {
    auto* p = static_cast<std::byte*>(Allocate(bytes, 64));
    fill(p, context);
    return static_cast<const std::byte*>(p);
  }
  void SetRun(ops::RunFn r, const void* p) override {
    run = r;
    params = p;
  }
  void* Allocate(size_t bytes, size_t alignment) override {
    memory.emplace_back(bytes + alignment);
    void* p = memory.back().data();
    size_t space = memory.back().size();
    return std::align(alignment, bytes, p, space);
  }

  std::vector<std::byte> workspace;
  std::vector<std::vector<std::byte>> memory;
  ops::RunFn run = nullptr;
  const void* params = nullptr;

 private:
  static constexpr Cpu kScalar{};
};

Status Compute(const Graph& g, NodeId id, std::vector<std::vector<std::byte>>& results) {
  const NodeView lens(g, id);
  OnePrepare prepare(lens.view());
  const std::span<const ops::Variant> variants = ops::KernelOf(*g.node(id).op).variants;
  OCTET_TRY(variants.back().prepare(prepare));
  std::vector<std::byte*> in, out;
  for (const std::byte* p : lens.view().constants) in.push_back(const_cast<std::byte*>(p));
  for (std::vector<std::byte>& r : results) out.push_back(r.data());
  in.resize(std::max(in.size(), g.node(id).op->inputs.size()), nullptr);  // Operands left out at the end.
  ThreadPool pool(1);
  void* work = prepare.workspace.data();
  size_t space = prepare.workspace.size();
  std::align(64, 0, work, space);
  return prepare.run(prepare.params, {in.data(), out.data(), static_cast<std::byte*>(work), &pool});
}

bool AllConstant(const Graph& g, const Node& n) {
  return !n.inputs.empty() &&
         std::ranges::all_of(n.inputs, [&](TensorId t) { return t == kNoTensor || (g.is_constant(t) && g.tensor(t).type.dtype != DType::kString); });
}

}  // namespace

Result<bool> FoldNode(Graph& g, NodeId id) {
  const Node& n = g.node(id);
  if (!AllConstant(g, n) || (n.op->traits & (ops::kSideEffects | ops::kRandom)) || ops::KernelOf(*n.op).variants.empty()) return false;
  // Storage forms of weights (f16 or int8 behind DEQUANTIZE) are small on purpose.
  if (n.op->name == "dequantize" || std::ranges::any_of(n.outputs, [&](TensorId t) { return g.is_output(t); })) return false;
  std::vector<std::vector<std::byte>> results;
  for (TensorId t : n.outputs) {
    uint64_t bytes = 0;
    if (!CheckedBytes(g.tensor(t).type.dtype, g.tensor(t).type.shape, &bytes) || bytes > kMaxBytes || BitsOf(g.tensor(t).type.dtype) == 0 ||
        g.tensor(t).type.dtype == DType::kString)
      return false;
    results.emplace_back(bytes);
  }
  OCTET_TRY(Compute(g, id, results));
  for (const TensorId t : n.inputs)
    if (t != kNoTensor) g.tensor(t).constant->Forget();
  const std::vector<TensorId> outputs = n.outputs;
  g.Erase(id);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorType type = g.tensor(outputs[i]).type;
    g.SetConstant(outputs[i], type, MakeBuffer(std::move(results[i])));
  }
  return true;
}

}  // namespace octet::graph
