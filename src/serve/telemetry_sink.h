// SPDX-License-Identifier: Apache-2.0
// Gives what models log to telemetry.
#pragma once
#include <map>
#include <shared_mutex>
#include <string>

#include "serve/inference_log.h"
#include "serve/served_model.h"
#include "telemetry/recorder.h"

namespace octet::serve {

class TelemetrySink : public InferenceSink {
 public:
  TelemetrySink(telemetry::Recorder* recorder, int operator_sampling, std::string runtime)
      : recorder_(*recorder), sampling_(operator_sampling), runtime_(std::move(runtime)) {}

  void Attach(ServedModel& model);  // Before it is served.

  void Done(int series, const StageTimes& ns) override { recorder_.Inference(series, ns); }
  void Failed(int series, std::string_view code) override { recorder_.Error(series, Name(code)); }
  void Expired(int series) override { recorder_.Add(series, telemetry::Count::kDeadlineMiss); }
  void Rejected(int series) override { recorder_.Add(series, telemetry::Count::kLostFrames); }
  void Shadow(int series, bool agrees) override {
    recorder_.Add(series, telemetry::Count::kShadow);
    if (!agrees) recorder_.Add(series, telemetry::Count::kShadowMismatch);
  }
  int operator_sampling() const override { return sampling_; }
  void Operators(int series, std::span<const OperatorTime> times) override {
    for (const OperatorTime& t : times) recorder_.OperatorTime(series, Name(t.op), t.ns);
  }

 private:
  telemetry::NameId Name(std::string_view text);

  telemetry::Recorder& recorder_;
  int sampling_;
  std::string runtime_;
  std::shared_mutex mutex_;
  std::map<std::string, telemetry::NameId, std::less<>> names_;
};

}  // namespace octet::serve
