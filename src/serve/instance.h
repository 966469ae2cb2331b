// SPDX-License-Identifier: Apache-2.0
// One thread's interpreters of a model, for the batch sizes it runs, and the times of its operators.
#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "runtime/interpreter.h"
#include "serve/served_model.h"
#include "serve/shadow.h"

namespace octet::serve {

// Adds up the time of each kind of operator during one Invoke.
class OperatorTimer : public runtime::Observer {
 public:
  explicit OperatorTimer(const runtime::Interpreter& interpreter);
  void BeforeNode(int) override { start_ = std::chrono::steady_clock::now(); }
  void AfterNode(int node) override;
  void Reset();
  std::span<const OperatorTime> times() const { return times_; }

 private:
  std::vector<std::string> names_;
  std::vector<int> kind_of_node_;
  std::vector<OperatorTime> times_;
  std::chrono::steady_clock::time_point start_;
};

struct ServedModel::Instance {
  std::map<int, std::unique_ptr<runtime::Interpreter>> by_rows;  // Allocated once, never resized.
  std::unique_ptr<runtime::Interpreter> flexible;                // For any other shape; null until one comes.
  bool flexible_ready = false;                                   // Its last Allocate went well.
  std::map<const runtime::Interpreter*, std::unique_ptr<OperatorTimer>> timers;
  std::unique_ptr<Shadow> shadow;  // Null until it is first asked.
  uint64_t runs = 0, served = 0;
  std::thread thread;

  // An interpreter that is allocated for the job's shapes, or for as many rows as there are jobs.
  Result<runtime::Interpreter*> For(const ServedModel& model, std::span<const Job> jobs);
  Status Invoke(InferenceLog& log, runtime::Interpreter& interpreter);
};

}  // namespace octet::serve
