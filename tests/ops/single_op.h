// SPDX-License-Identifier: Apache-2.0
// One operator, checked, inferred, prepared and run without a model around it.
#pragma once
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "ops/op_def.h"

namespace octet::ops::test {

struct Tensor {
  TensorType type;
  std::vector<std::byte> bytes;
  bool constant = false;
  bool absent = false;  // An optional operand that is not given.
  bool state = false;   // Never shown as a constant: run writes it.

  static Tensor Absent() {
    Tensor t;
    t.absent = true;
    return t;
  }
  template <class T> static Tensor State(Shape shape, std::vector<T> values, Quant quant = {}) {
    Tensor t = Of<T>(shape, std::move(values), std::move(quant));
    t.state = true;
    return t;
  }

  template <class T> static Tensor Of(Shape shape, std::vector<T> values, Quant quant = {}) {
    Tensor t{{DTypeOf<T>, shape, std::move(quant)}, {}};
    const auto raw = std::as_bytes(std::span(values));
    t.bytes.assign(raw.begin(), raw.end());
    return t;
  }
  template <class T> static Tensor Constant(Shape shape, std::vector<T> values, Quant quant = {}) {
    Tensor t = Of<T>(shape, std::move(values), std::move(quant));
    t.constant = true;
    return t;
  }
  template <class T> std::vector<T> As() const {
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }
};

class SingleOp {
 public:
  explicit SingleOp(std::string_view name) : def_(Find(name)), attributes_(def_->attrs.bytes / 8 + 1) {
    if (def_->attrs.init) def_->attrs.init(attributes_.data());
  }
  template <class A> SingleOp& With(const A& attrs) {
    std::memcpy(attributes_.data(), &attrs, sizeof attrs);
    return *this;
  }
  // One attribute by its name in the schema, of the type that the operator's struct has.
  template <class T> void Set(std::string_view name, T value) {
    for (const AttrRow& row : def_->attrs.rows)
      if (row.name == name) *static_cast<T*>(row.at(attributes_.data())) = value;
  }
  // Outputs take input 0's type unless declared here.
  SingleOp& Declare(std::vector<TensorType> outputs) {
    declared_ = std::move(outputs);
    return *this;
  }

  // Types only; with unknown outputs as an importer sees them.
  Status Infer(const std::vector<Tensor>& inputs, std::vector<OutputType>* out) {
    View view(*this, inputs, false);
    return CheckAndInfer(view.op, *out);
  }

  Cost EstimateCost(const std::vector<Tensor>& inputs) { return CostOf(View(*this, inputs, false).op); }

  Result<std::vector<Tensor>> Run(std::vector<Tensor> inputs, int outputs = 1, int threads = 1) {
    View view(*this, inputs, true);
    std::vector<OutputType> types(static_cast<size_t>(outputs));
    if (declared_.empty()) declared_.assign(types.size(), inputs[0].type);
    view.Declare(declared_);
    OCTET_TRY(CheckAndInfer(view.op, types));
    std::vector<Tensor> results(types.size());
    std::vector<std::byte*> in, out;
    for (size_t i = 0; i < types.size(); ++i) {
      declared_[i].shape = types[i].shape;
      declared_[i].dtype = types[i].dtype;
      uint64_t bytes = 0;
      if (types[i].dynamic || !CheckedBytes(types[i].dtype, types[i].shape, &bytes))
        return Error(Code::kUnsupported, "no shape");
      results[i] = {declared_[i], std::vector<std::byte>(bytes)};
      out.push_back(results[i].bytes.data());
    }
    for (Tensor& t : inputs) in.push_back(t.absent ? nullptr : t.bytes.data());
    in.resize(std::max(in.size(), def_->inputs.size()));
    Planner planner(view.op, threads);
    OCTET_TRY(KernelOf(*def_).variants.back().prepare(planner));
    std::vector<uint64_t> workspace(planner.workspace / 8 + 1);
    ThreadPool pool(threads);
    OCTET_TRY(planner.run(planner.params,
                          {in.data(), out.data(), reinterpret_cast<std::byte*>(workspace.data()), &pool}));
    after = std::move(inputs);
    return results;
  }

  std::vector<Tensor> after;  // The inputs as the last run left them: states.

 private:
  struct View {
    View(const SingleOp& op_, const std::vector<Tensor>& tensors, bool values) {
      for (const Tensor& t : tensors) {
        inputs.push_back(t.absent ? nullptr : &t.type);
        constants.push_back(!t.absent && !t.state && (t.constant || values) ? t.bytes.data() : nullptr);
      }
      op = {op_.def_, "node", inputs, {}, constants, op_.attributes_.data(), {}};
    }
    void Declare(const std::vector<TensorType>& types) {
      for (const TensorType& t : types) outputs.push_back(&t);
      op.outputs = outputs;
    }
    std::vector<const TensorType*> inputs, outputs;
    std::vector<const std::byte*> constants;
    OpView op;
  };
  class Planner : public Prepare {
   public:
    Planner(const OpView& op, int threads) : Prepare(op, ThisCpu(), threads) {}
    void Workspace(size_t bytes) override { workspace = std::max(workspace, bytes); }
    Result<const std::byte*> Pack(int, std::string_view, uint64_t, size_t bytes,
                                  void (*fill)(std::byte*, const void*), const void* context) override {
      auto* packed = static_cast<std::byte*>(Allocate(bytes, 64));
      fill(packed, context);
      return static_cast<const std::byte*>(packed);
    }
    void SetRun(RunFn r, const void* p) override { run = r, params = p; }
    void* Allocate(size_t bytes, size_t) override {
      return memory_.emplace_back(new uint64_t[bytes / 8 + 9]()).get();
    }
    size_t workspace = 0;
    RunFn run = nullptr;
    const void* params = nullptr;

   private:
    std::vector<std::unique_ptr<uint64_t[]>> memory_;
  };

  const OpDef* def_;
  std::vector<uint64_t> attributes_;
  std::vector<TensorType> declared_;
};

}  // namespace octet::ops::test
