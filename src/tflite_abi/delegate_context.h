// SPDX-License-Identifier: Apache-2.0
// A part of a model as a TensorFlow Lite delegate sees it: a context whose tensors and nodes are the graph's, which
// records what the delegate wants to replace, and runs the kernels that it brings for that.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "octet/delegate.h"
#include "tensorflow/lite/c/common.h"
#include "tflite_abi/kernel_functions.h"

namespace octet::tflite_abi {

class DelegateContext {
 public:
  DelegateContext(TfLiteDelegate* delegate, const OctetDelegateGraph& graph);
  DelegateContext(const DelegateContext&) = delete;
  ~DelegateContext();

  // Calls the delegate's Prepare.
  Status Prepare();
  // Which call of ReplaceNodeSubsetsWithDelegateKernels named the node (position in the graph); -1: none.
  int claim_of(int node) const { return claim_of_[static_cast<size_t>(node)]; }
  // The one behind a context; null where it belongs to a custom operator's kernel.
  static DelegateContext* From(const TfLiteContext* context) { return context->GetNodeAndRegistration == GetNodeAndRegistration ? &Of(context) : nullptr; }
  const OctetDelegateGraph& graph() const { return graph_; }
  // The node of this number in the file as an operator; null when there is none.
  TfLiteOperator* OperatorOf(int number);
  // Takes the kernel of an opaque delegate.
  TfLiteStatus Replace(TfLiteOperator* op, const TfLiteIntArray* nodes, TfLiteOpaqueDelegate* delegate);
  // What a delegate calls says why.
  std::string TakeError() { return std::exchange(error_, {}); }

 private:
  friend class DelegateKernel;
  struct Node {
    TfLiteNode node{};
    TfLiteRegistration registration{};
  };
  static DelegateContext& Of(const TfLiteContext* context) { return *static_cast<DelegateContext*>(context->impl_); }
  static TfLiteStatus GetExecutionPlan(TfLiteContext* context, TfLiteIntArray** plan);
  static TfLiteStatus GetNodeAndRegistration(TfLiteContext* context, int index, TfLiteNode** node, TfLiteRegistration** registration);
  static TfLiteStatus ReplaceNodeSubsets(TfLiteContext* context, TfLiteRegistration registration, const TfLiteIntArray* nodes, TfLiteDelegate* delegate);
  static TfLiteStatus PreviewPartitioning(TfLiteContext* context, const TfLiteIntArray* nodes, TfLiteDelegateParams** params, int* count);
  static TfLiteStatus ResizeTensor(TfLiteContext* context, TfLiteTensor* tensor, TfLiteIntArray* size);
  static TfLiteStatus ResizeTensorExplicit(TfLiteContext* context, TfLiteTensor* tensor, int dims, const int* shape);
  static void ReportError(TfLiteContext* context, const char* format, ...);
  static TfLiteStatus AddTensors(TfLiteContext* context, int count, int* first);
  static TfLiteTensor* GetTensor(const TfLiteContext* context, int index);
  static void* AllocatePersistentBuffer(TfLiteContext* context, size_t bytes);

  void AddTensor(const OctetDelegateTensor& from);
  void AddNode(const OctetDelegateNode& from);
  void SetFunctions();
  bool added(const TfLiteTensor* t) const { return t >= tensors_.data() + graph_.num_tensors; }
  // Positions of the nodes of these numbers; false where one is unknown.
  bool PositionsOf(const TfLiteIntArray* nodes, std::vector<int>* positions) const;

  TfLiteDelegate* const delegate_;
  const OctetDelegateGraph& graph_;
  std::vector<TfLiteTensor> tensors_;
  std::vector<int> position_of_;          // By the node's number in the file; -1: not in the graph.
  std::deque<Node> nodes_;                // By position.
  TfLiteIntArray* plan_ = nullptr;
  std::vector<int> claim_of_;
  std::deque<TfLiteRegistration> claims_;
  std::deque<std::unique_ptr<TfLiteOperator>> operators_;  // Kernels of opaque delegates, and their view of the nodes.
  std::vector<TfLiteDelegateParams> preview_;
  std::deque<std::vector<char>> buffers_;
  TfLiteContext context_ = RefusingContext();
  std::string error_;
};

// The delegate's kernels for one part: one, or several where it claimed the part's nodes in several calls.
class DelegateKernel {
 public:
  DelegateKernel(DelegateContext& context, const OctetDelegatePart& part);
  DelegateKernel(const DelegateKernel&) = delete;
  ~DelegateKernel();
  // Calls init and prepare.
  Status Prepare();
  Status Run(const void* const* in, void* const* out);

 private:
  struct Unit {
    std::vector<int> nodes;
    int claim = 0;
    TfLiteNode node{};
    TfLiteDelegateParams params{};
    TfLiteOpaqueDelegateParams opaque_params{};
    bool initialized = false;
  };
  void Cut();
  void SetEnds(Unit& unit);
  Status PrepareUnit(Unit& unit);
  Status Allocate(TfLiteTensor& t, int index);
  Status CopyBack(int tensor);
  Status Failed(const char* what) const;

  DelegateContext& context_;
  const std::vector<int> nodes_;
  const std::vector<int> inputs_, outputs_;
  std::deque<Unit> units_;
  size_t first_added_ = 0, end_added_ = 0;  // Tensors that init and prepare added.
  std::vector<int> between_;                // Tensors that units of this part hand each other.
  std::deque<std::vector<uint64_t>> memory_;
};

// What a part's nodes read from outside (constants too) and what others than they read, in increasing order.
void EndsOf(const OctetDelegateGraph& graph, const std::vector<int>& nodes, std::vector<int>* inputs, std::vector<int>* outputs);

}  // namespace octet::tflite_abi
