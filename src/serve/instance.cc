// SPDX-License-Identifier: Apache-2.0
#include "serve/instance.h"

#include <algorithm>

namespace octet::serve {
namespace {

bool Fits(const runtime::Interpreter& interpreter, const Job& job) {
  return std::ranges::all_of(job.inputs, [&](const BoundInput& in) { return interpreter.input(in.index).type->shape == in.shape; });
}

// As in .tflite files: CONV_2D. Names of custom operators stay.
std::string FileName(std::string_view op) {
  std::string name(op);
  if (std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }))
    for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return name;
}

}  // namespace

OperatorTimer::OperatorTimer(const runtime::Interpreter& interpreter) {
  for (int i = 0; i < interpreter.num_nodes(); ++i) {
    const std::string name = FileName(interpreter.node(i).op);
    const auto found = std::ranges::find(names_, name);
    kind_of_node_.push_back(static_cast<int>(found - names_.begin()));
    if (found == names_.end()) names_.push_back(name);
  }
  for (const std::string& name : names_) times_.push_back({name, 0});
}

void OperatorTimer::AfterNode(int node) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start_).count();
  if (node >= 0 && node < static_cast<int>(kind_of_node_.size()))
    times_[static_cast<size_t>(kind_of_node_[static_cast<size_t>(node)])].ns += static_cast<uint64_t>(ns);
}

void OperatorTimer::Reset() {
  for (OperatorTime& t : times_) t.ns = 0;
}

Result<runtime::Interpreter*> ServedModel::Instance::For(const ServedModel& model, std::span<const Job> jobs) {
  if (jobs.size() > 1) return by_rows.at(static_cast<int>(jobs.size())).get();
  for (const auto& [rows, interpreter] : by_rows)
    if (Fits(*interpreter, jobs[0])) return interpreter.get();
  if (!flexible) {
    OCTET_ASSIGN(flexible, model.MakeInterpreter(0));
    flexible_ready = false;
  }
  if (flexible_ready && Fits(*flexible, jobs[0])) return flexible.get();
  flexible_ready = false;
  timers.erase(flexible.get());
  for (const BoundInput& in : jobs[0].inputs) OCTET_TRY(flexible->Resize(in.index, in.shape));
  OCTET_TRY(flexible->Allocate());
  flexible_ready = true;
  return flexible.get();
}

Status ServedModel::Instance::Invoke(InferenceLog& log, runtime::Interpreter& interpreter) {
  const int every = log.sink ? log.sink->operator_sampling() : 0;
  if (every == 0 || runs++ % static_cast<uint64_t>(every) != 0) return interpreter.Invoke();
  std::unique_ptr<OperatorTimer>& timer = timers[&interpreter];
  if (!timer) timer = std::make_unique<OperatorTimer>(interpreter);
  timer->Reset();
  interpreter.SetObserver(timer.get());
  Status status = interpreter.Invoke();
  interpreter.SetObserver(nullptr);
  if (status.ok()) log.sink->Operators(log.series, timer->times());
  return status;
}

}  // namespace octet::serve
