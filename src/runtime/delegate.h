// SPDX-License-Identifier: Apache-2.0
// A delegate as the runtime holds it: octet's C interface (include/octet/delegate.h) with its objects' lives.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "octet/delegate.h"
#include "runtime/interpreter.h"
#include "tflite/view.h"

namespace octet::runtime {

// What stands behind Options::delegates. Thread-safe as far as the delegate is.
class Delegate {
 public:
  using Settings = std::vector<std::pair<std::string, std::string>>;
  // `functions` lives as long as the process.
  static Result<std::shared_ptr<const Delegate>> Create(const OctetDelegate* functions, const Settings& settings);
  // For one that exists: `free` is called in the end.
  Delegate(const OctetDelegate* functions, void* self, std::function<void()> free, std::string name);
  ~Delegate();

  const OctetDelegate& functions() const { return *functions_; }
  void* self() const { return self_; }
  const std::string& name() const { return name_; }
  OctetDelegateRates rates() const;

 private:
  const OctetDelegate* const functions_;
  void* const self_;
  const std::function<void()> free_;
  const std::string name_;
};

// Part of a subgraph in the interface's words.
class DelegateGraph {
 public:
  // `types` and `constants` (null: computed) per tensor of the subgraph; both outlive the graph.
  DelegateGraph(const tflite::SubgraphInfo& subgraph, std::span<const TensorType* const> types, std::span<const std::byte* const> constants,
                std::span<const int> nodes, std::span<const ops::Cost> costs, int threads, bool profile);
  DelegateGraph(const DelegateGraph&) = delete;
  DelegateGraph& operator=(const DelegateGraph&) = delete;
  const OctetDelegateGraph& graph() const { return graph_; }

 private:
  void AddNode(const tflite::OperatorInfo& op, int index, const ops::Cost& cost);
  OctetDelegateAttribute ToAttribute(const ops::AttrRow& row, const void* attributes);

  std::vector<OctetDelegateTensor> tensors_;
  std::vector<OctetDelegateNode> nodes_;
  std::deque<std::vector<OctetDelegateAttribute>> attributes_;
  std::deque<std::vector<int64_t>> ints_;
  OctetDelegateGraph graph_{};
};

// A delegate at work on one graph.
class DelegateSession {
 public:
  static Result<std::unique_ptr<DelegateSession>> Begin(const Delegate& delegate, std::shared_ptr<const DelegateGraph> graph);
  ~DelegateSession();

  const Delegate& delegate() const { return delegate_; }
  const OctetDelegateGraph& graph() const { return graph_->graph(); }
  // Empty: it takes the node (position in the graph).
  std::string WhyNot(int node) const;
  Result<void*> Prepare(const OctetDelegatePart& part) const;

 private:
  DelegateSession(const Delegate& delegate, std::shared_ptr<const DelegateGraph> graph) : delegate_(delegate), graph_(std::move(graph)) {}
  const Delegate& delegate_;
  const std::shared_ptr<const DelegateGraph> graph_;
  void* session_ = nullptr;
  bool begun_ = false;
};

// The delegate's words, or what happened where it has none.
Status DelegateFailed(const Delegate& delegate, const char* what, const char* error);

}  // namespace octet::runtime
