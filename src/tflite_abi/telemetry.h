// SPDX-License-Identifier: Apache-2.0
// What a program's telemetry profiler is told (tensorflow/lite/profiling/telemetry/c/profiler.h).
#pragma once
#include <string>
#include <vector>

#include "runtime/interpreter.h"
#include "tensorflow/lite/profiling/telemetry/c/profiler.h"

namespace octet::tflite_abi {

class Telemetry : private runtime::Observer {
 public:
  // Reports the model, and from then on each operator that runs.
  Telemetry(TfLiteTelemetryProfilerStruct* profiler, const runtime::Model& model, runtime::Interpreter& interpreter);
  void Event(const char* name, TfLiteStatus status) const;

 private:
  void BeforeNode(int node) override;
  void AfterNode(int node) override;

  TfLiteTelemetryProfilerStruct* const profiler_;
  runtime::Interpreter& interpreter_;
  std::string name_;  // Of the operator that runs.
  uint32_t event_ = 0;
};

}  // namespace octet::tflite_abi
