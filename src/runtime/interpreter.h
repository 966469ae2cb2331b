// SPDX-License-Identifier: Apache-2.0
// A .tflite model that runs: open once, allocate once, set inputs, invoke, read outputs.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::runtime {

// The mapped, verified file and the packed weights that all its interpreters share. Thread-safe.
class Model {
 public:
  // A file that is open already, and has not changed, is the same model.
  static Result<std::shared_ptr<const Model>> Open(const std::string& path);
  // Copies nothing: `bytes` must outlive the model.
  static Result<std::shared_ptr<const Model>> FromBytes(std::span<const std::byte> bytes);
  // The same file read again, in place: for operators that were registered since.
  static Result<std::shared_ptr<const Model>> Reopen(std::shared_ptr<const Model> model);
  virtual ~Model() = default;
  // Keys of the signatures, in the file's order; terminated strings that live as long as the model.
  virtual std::span<const std::string_view> signatures() const = 0;
  virtual int num_subgraphs() const = 0;
};

enum class Kernels : uint8_t { kFast, kReference };

class Delegate;  // runtime/delegate.h

enum class PayOff : uint8_t {
  kOff,       // Whatever is taken is delegated.
  kEstimate,  // From the delegate's rates, where it has any, and this CPU's.
  kMeasure,   // Both are run while the model is planned; the faster one stays.
};

// A share of inferences is computed on the CPU, too. Where a delegate's answer differs, the CPU's is given; beyond
// the limit the delegates are switched off.
struct Shadow {
  double share = 0;         // 0.01: the first of every 100.
  double tolerance = 1e-3;  // Of an output's largest magnitude; of quantized ones' range, where one step is nothing.
  int max_mismatches = 0;
};
struct ShadowReport {
  int64_t checked = 0, mismatches = 0;
  double worst = 0;
  bool switched_off = false;
};

// Who computes parts of the model in place of the CPU's kernels.
struct Delegates {
  std::vector<std::shared_ptr<const Delegate>> list = {};  // The first one that takes a node has it.
  std::vector<std::string> deny = {};  // Stay on the CPU: an operator, a layer or tensor by name, "#12" by number.
  int min_nodes = 1;                   // Of a part.
  int max_parts = 0;                   // Of each delegate, those with the most work; 0: any number.
  PayOff pay_off = PayOff::kEstimate;
  double timeout_ms = 0;               // A part that ran longer goes to the CPU for good; 0: no limit.
  Shadow shadow = {};
  bool profile = false;                // Times of what runs inside of the parts are asked for.
};

struct Options {
  int threads = 1;
  Kernels kernels = Kernels::kFast;
  bool keep_all_tensors = false;  // No tensor's memory is reused, nothing is fused: for who looks after the run.
  bool keep_all_nodes = false;    // Nothing is fused: for observers, who see every tensor when it is made.
  bool poison_memory = false;     // Before a step runs its outputs and workspace are filled with what is no number: for tests, as new memory is zero.
  std::string signature = {};     // Empty: subgraph 0 in graph order.
  uint64_t memory_limit_bytes = 4ull << 30;  // For tensors: a hostile shape must not take the machine.
  int64_t max_calls = 1 << 18;               // Rounds of loops and calls of subgraphs in one Invoke.
  Delegates delegates = {};
};

// What a delegate does of the model, and why not the rest. The last entry is the CPU.
struct DelegateDetails {
  struct Reason {
    int node = -1;             // -1: of the whole delegate.
    std::string_view op, place;
    std::string text;
  };
  std::string name;
  int nodes = 0, total_nodes = 0;  // Folded nodes do not count.
  double mac_share = 0;            // Of all multiply-adds; of the nodes where the model has none.
  int partitions = 0;
  int copies = 0;                  // Tensors that go to it or come back in one inference,
  int64_t copy_bytes = 0;
  std::vector<Reason> reasons;     // Why nodes are not its,
  std::vector<std::string> failures;  // and what failed, and what took over.
};

// What ran inside of a delegate's part.
struct DelegateTiming {
  int node = -1;
  double us = 0;
};

struct TensorRef {
  std::string_view name;
  const TensorType* type = nullptr;  // The current shape.
  Shape signature;                   // With kUnknown where the model leaves a dimension free.
  std::byte* data = nullptr;         // Null before Allocate, for tensors without memory, and for strings: see SetStrings.
  uint64_t bytes = 0;
  bool constant = false, variable = false;  // In the file; kept between runs.
};

// Called after each step with the node's index; for profiling and calibration.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void BeforeNode(int /*node*/) {}
  virtual void AfterNode(int /*node*/) {}
  // Every tensor that is made inside of a called subgraph, in each call: for those who want to know.
  virtual bool WatchesCalls() const { return false; }
  virtual void AfterMade(const TensorRef& /*tensor*/) {}
};

struct NodeInfo {
  std::string_view op;      // "conv_2d"
  std::string_view kernel;  // The variant that runs: "reference", …
  std::string_view place;   // Name of its first output.
  std::vector<int32_t> inputs, outputs;  // Tensor indices; -1 absent.
  int64_t macs = 0, bytes = 0;  // Of all nodes that run as one with it; 0 of those whose kernel is "fused": their work is another one's.
};

struct MemoryUse {
  uint64_t arena_bytes = 0;        // Tensors and workspaces that share memory.
  uint64_t lower_bound_bytes = 0;  // The largest sum of what is alive at one step: no plan can be below.
  uint64_t packed_bytes = 0;       // Packed weights, shared by all interpreters of the model.
};

// One thread at a time; several interpreters of one model may run at once.
class Interpreter {
 public:
  static Result<std::unique_ptr<Interpreter>> Create(std::shared_ptr<const Model> model, Options options = {});
  virtual ~Interpreter() = default;

  virtual int num_inputs() const = 0;
  virtual int num_outputs() const = 0;
  virtual TensorRef input(int i) const = 0;
  virtual TensorRef output(int i) const = 0;
  // Tensor index of an input or output, and the signature's name for it (empty without a signature).
  virtual int input_tensor(int i) const = 0;
  virtual int output_tensor(int i) const = 0;
  virtual std::string_view input_key(int i) const = 0;
  virtual std::string_view output_key(int i) const = 0;
  // Position by tensor name or signature key; -1 when there is none.
  virtual int FindInput(std::string_view name) const = 0;
  // A new shape for an input; takes effect with Allocate.
  virtual Status Resize(int input, const Shape& shape) = 0;
  // Infers shapes, picks kernels, places memory. Once, and again after Resize.
  virtual Status Allocate() = 0;
  // An input, output or variable (`tensor` is its index) lies in the caller's memory from now on, until memory is placed anew or
  // `memory` is null: then in the plan's own again. Allocated; at least its bytes; a variable's value comes along.
  // kUnsupported: it has no place of its own (constant, another output's or an input's memory, sized while running).
  virtual Status Bind(int tensor, std::byte* memory, uint64_t bytes) = 0;
  // Computes. Allocates nothing for static models.
  virtual Status Invoke() = 0;
  // Computes the node and those after it; what comes before keeps the values of the last Invoke. For static models
  // on the CPU with keep_all_tensors: what was put into one tensor shows in the outputs at a part of the price.
  virtual Status InvokeFrom(int node) = 0;
  // Variable tensors (recurrent states) back to zero; what ASSIGN_VARIABLE wrote stays.
  virtual Status ResetVariables() = 0;
  // Also forgets that: the next Invoke is as the first one. Tables keep what they were filled with.
  virtual Status Restart() = 0;
  // Ends an Invoke that runs in another thread with kCancelled, soon.
  virtual void Cancel() = 0;
  // From any thread: every Invoke, running or to come, ends with kCancelled until it is taken back.
  virtual void Hold(bool held) = 0;
  // Another entry point; variables, tables and states stay. Allocate comes next.
  virtual Status Select(std::string_view signature) = 0;
  // Tensors of strings, in TensorFlow Lite's form: int32 count, offset[count + 1], characters. Copies.
  virtual Status SetStrings(int input, std::span<const std::byte> buffer) = 0;
  virtual Result<std::vector<std::byte>> Strings(int output) const = 0;

  virtual int num_tensors() const = 0;
  virtual TensorRef tensor(int i) const = 0;
  virtual int num_nodes() const = 0;
  virtual NodeInfo node(int i) const = 0;
  // After Allocate: every tensor's shape and place is final until the next Resize.
  virtual bool is_static() const = 0;
  virtual MemoryUse memory() const = 0;
  // One more, the last in preference; takes effect with the next Allocate, which all entry points need then.
  virtual void AddDelegate(std::shared_ptr<const Delegate> delegate) = 0;
  // After Allocate; failures also after Invoke.
  virtual std::vector<DelegateDetails> delegates() const = 0;
  // What failed since Allocate, in that order, with the delegate's position; cheap.
  virtual const std::vector<std::pair<int, std::string>>& delegate_failures() const = 0;
  virtual ShadowReport shadow() const = 0;
  // Of the last Invoke, where Delegates::profile asked for it and the delegate knows.
  virtual std::vector<DelegateTiming> delegate_timings() const = 0;
  virtual void SetObserver(Observer* observer) = 0;  // Null: none. Not owned.
};

}  // namespace octet::runtime
