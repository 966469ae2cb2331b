// SPDX-License-Identifier: Apache-2.0
#include "runtime/table_fusion.h"

#include <algorithm>
#include <deque>
#include <cstring>

namespace octet::runtime {
namespace {

constexpr int32_t kEntries = 256;
constexpr int32_t kMostOperators = 6;  // One after the other: what they share is computed again for each.

bool IsByte(DType t) { return t == DType::kI8 || t == DType::kU8; }

// prepare's other side for one run on all values.
class TablePrepare : public ops::Prepare {
 public:
  explicit TablePrepare(const ops::OpView& op) : Prepare(op, ThisCpu(), 1) {}
  void Workspace(size_t bytes) override { workspace.resize(std::max(workspace.size(), bytes / 8 + 1)); }
  Result<const std::byte*> Pack(int, std::string_view, uint64_t, size_t, void (*)(std::byte*, const void*), const void*) override {
    return op.Fail(Code::kUnsupported, "a point-wise operator has no weights to pack");
  }
  void SetRun(ops::RunFn r, const void* p) override {
    run = r;
    params = p;
  }
  void* Allocate(size_t bytes, size_t) override { return arrays_.emplace_back(bytes / 8 + 1).data(); }

  std::vector<uint64_t> workspace;
  ops::RunFn run = nullptr;
  const void* params = nullptr;

 private:
  std::deque<std::vector<uint64_t>> arrays_;
};

}  // namespace

TableFusion::TableFusion(const tflite::SubgraphInfo& graph, std::span<const TensorState> tensors, std::span<const int> nodes)
    : graph_(graph), tensors_(tensors), nodes_(nodes), origin_(tensors.size(), -1), depth_(tensors.size()), producer_(tensors.size(), -1),
      kept_for_others_(tensors.size()), source_(graph.operators.size(), -1), gone_(graph.operators.size()) {
  std::vector<bool> ours(graph.operators.size());
  for (int n : nodes) ours[n] = true;
  for (size_t n = 0; n < graph.operators.size(); ++n)
    for (int32_t t : graph.operators[n].inputs)
      if (t >= 0 && !ours[n]) kept_for_others_[t] = true;
  for (int32_t t : graph.outputs) kept_for_others_[t] = true;
  Trace();
  Choose();
}

// Whether the node computes every element of its output from the same element of one tensor, and in every channel alike.
bool TableFusion::PointWise(int node, int32_t* origin) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  if (!(op.op->traits & ops::kElementwise) || (op.op->traits & (ops::kSideEffects | ops::kRandom)) || op.outputs.size() != 1) return false;
  const TensorType& out = tensors_[op.outputs[0]].type;
  if (graph_.tensors[op.outputs[0]].is_variable || out.quant.per_channel()) return false;
  *origin = -1;
  for (int32_t t : op.inputs) {
    if (t < 0) return false;
    const TensorState& s = tensors_[t];
    if (s.known() && s.type.shape.elements() == 1) continue;
    if (s.known() || graph_.tensors[t].is_variable || s.type.quant.per_channel() || !(s.type.shape == out.shape)) return false;
    const int32_t from = origin_[t] >= 0 ? origin_[t] : t;
    if (*origin >= 0 && *origin != from) return false;
    *origin = from;
  }
  return *origin >= 0 && IsByte(tensors_[*origin].type.dtype) && !graph_.tensors[*origin].is_variable;
}

void TableFusion::Trace() {
  for (int n : nodes_) {
    for (int32_t t : graph_.operators[n].outputs) producer_[t] = n;
    int32_t origin = -1;
    if (!PointWise(n, &origin)) continue;
    const int32_t out = graph_.operators[n].outputs[0];
    origin_[out] = origin;
    for (int32_t t : graph_.operators[n].inputs) depth_[out] = std::max(depth_[out], depth_[t] + 1);
    if (depth_[out] > kMostOperators) origin_[out] = -1, depth_[out] = 0;
  }
}

// From the end: what is read stays, what a table takes over need not be computed.
void TableFusion::Choose() {
  std::vector<bool> read = kept_for_others_;
  for (size_t i = nodes_.size(); i-- > 0;) {
    const int n = nodes_[i];
    const tflite::OperatorInfo& op = graph_.operators[n];
    const bool any = std::ranges::any_of(op.outputs, [&](int32_t t) { return static_cast<bool>(read[t]); });
    const int32_t out = op.outputs.empty() ? -1 : op.outputs[0];
    if (out >= 0 && !any && origin_[out] >= 0) {
      gone_[n] = true;
      continue;
    }
    if (out >= 0 && origin_[out] >= 0 && depth_[out] > 1 && IsByte(tensors_[out].type.dtype) && Tabulate(n, origin_[out])) {
      source_[n] = origin_[out];
      read[origin_[out]] = true;
      continue;
    }
    for (int32_t t : op.inputs)
      if (t >= 0) read[t] = true;
  }
  for (int n : nodes_)
    if (source_[n] >= 0 && !SavesSomething(n)) source_[n] = -1;
}

// A table in place of an operator whose own inputs are there anyway gains little.
bool TableFusion::SavesSomething(int node) const {
  for (int32_t t : graph_.operators[node].inputs) {
    if (t < 0 || producer_[t] < 0 || t == source_[node]) continue;
    if (gone_[producer_[t]]) return true;
  }
  return false;
}

Result<TableFusion::Values> TableFusion::Evaluate(int32_t tensor, int32_t source) const {
  if (tensor == source) {
    Values all(kEntries);
    for (int i = 0; i < kEntries; ++i) all[i] = static_cast<std::byte>(i);
    return all;
  }
  const tflite::OperatorInfo& op = graph_.operators[producer_[tensor]];
  std::vector<TensorType> types;
  std::vector<Values> values;
  types.reserve(op.inputs.size() + 1);  // Pointed into.
  values.reserve(op.inputs.size());
  std::vector<const TensorType*> in, out;
  std::vector<const std::byte*> constants;
  std::vector<std::byte*> data;
  for (int32_t t : op.inputs) {
    const TensorState& s = tensors_[t];
    TensorType& type = types.emplace_back(s.type);
    in.push_back(&type);
    constants.push_back(s.known() ? s.data : nullptr);
    if (!s.known()) {
      type.shape = {kEntries};
      OCTET_ASSIGN(Values v, Evaluate(t, source));
      values.push_back(std::move(v));
    }
    data.push_back(s.known() ? s.data : values.back().data());
  }
  TensorType& type = types.emplace_back(tensors_[tensor].type);
  type.shape = {kEntries};
  out.push_back(&type);
  const ops::OpView view{op.op, graph_.tensors[tensor].name, in, out, constants, op.attributes.data()};
  TablePrepare prepare(view);
  OCTET_TRY(ops::KernelOf(*op.op).variants.back().prepare(prepare));
  Values result(static_cast<size_t>(kEntries) * BitsOf(type.dtype) / 8);
  std::byte* const to = result.data();
  ThreadPool pool(1);
  OCTET_TRY(prepare.run(prepare.params, {data.data(), &to, reinterpret_cast<std::byte*>(prepare.workspace.data()), &pool}));
  return result;
}

// False where the operators refuse some of the 256 values: a divisor is zero for one that perhaps never comes.
bool TableFusion::Tabulate(int node, int32_t source) {
  Result<Values> values = Evaluate(graph_.operators[node].outputs[0], source);
  if (!values.ok()) return false;
  tables_[node] = *std::move(values);
  return true;
}

void TableFusion::Fill(int node, std::span<uint8_t, 256> table) const { std::memcpy(table.data(), tables_.find(node)->second.data(), table.size()); }

}  // namespace octet::runtime
