// SPDX-License-Identifier: Apache-2.0
// A node of the delegate's graph as operators see it: their definition says what it means, and their reference kernel,
// run on the host, fills tables and maps that are right by construction.
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "delegates/attributes.h"
#include "octet/delegate.h"
#include "ops/op_def.h"

namespace octet::gpu {

class Node {
 public:
  Node(const OctetDelegateGraph& graph, int index);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const ops::OpView& view() const { return view_; }
  const ops::OpDef& def() const { return *view_.def; }
  bool known() const { return view_.def != nullptr; }  // octet has the operator.
  int index() const { return index_; }
  bool is(std::string_view name) const { return name == raw_.op; }
  bool has(uint32_t trait) const { return (def().traits & trait) != 0; }

  int num_inputs() const { return raw_.num_inputs; }
  int num_outputs() const { return raw_.num_outputs; }
  int in(int i) const { return i < raw_.num_inputs ? raw_.inputs[i] : -1; }  // Tensor, or -1.
  int out(int i) const { return raw_.outputs[i]; }
  const TensorType& in_type(int i) const { return *view_.inputs[static_cast<size_t>(i)]; }
  const TensorType& out_type(int i = 0) const { return *view_.outputs[static_cast<size_t>(i)]; }
  const std::byte* constant(int i) const { return i < raw_.num_inputs ? view_.constants[static_cast<size_t>(i)] : nullptr; }
  // Attributes by their name in the schema.
  int64_t Int(std::string_view name) const;
  double Real(std::string_view name) const;

  // The reference kernel on other types and data: null in `in` keeps a constant operand.
  Status RunReference(std::span<const TensorType> in_types, std::span<std::byte* const> in, std::span<const TensorType> out_types,
                      std::span<std::byte* const> out) const;

 private:
  void FillAttributes();

  const OctetDelegateNode& raw_;
  const int index_;
  std::deque<TensorType> types_;
  std::vector<const TensorType*> inputs_, outputs_;
  std::vector<const std::byte*> constants_;
  std::vector<uint64_t> attributes_;
  ops::OpView view_;
};

// prepare's other side for kernels that run on the host once: workspace and arrays live with it.
class HostPrepare : public ops::Prepare {
 public:
  explicit HostPrepare(const ops::OpView& op);
  void Workspace(size_t bytes) override;
  Result<const std::byte*> Pack(int i, std::string_view format, uint64_t parameters, size_t bytes, void (*fill)(std::byte*, const void*),
                                const void* context) override;
  void SetRun(ops::RunFn r, const void* p) override;
  void* Allocate(size_t bytes, size_t alignment) override;

  std::vector<uint64_t> workspace;
  ops::RunFn run = nullptr;
  const void* params = nullptr;

 private:
  std::deque<std::vector<uint64_t>> arrays_;
};

}  // namespace octet::gpu
