// SPDX-License-Identifier: Apache-2.0
#include "tflite_abi/telemetry.h"

#include <cctype>

#include "runtime/shared_model.h"
#include "tflite_abi/mirror.h"

struct TfLiteTelemetryConversionMetadata {
  std::vector<int32_t> modes;
};
struct TfLiteTelemetrySubgraphInfo {
  std::vector<TfLiteQuantization> quantizations;
};
struct TfLiteTelemetryInterpreterSettings {
  TfLiteTelemetryConversionMetadata conversion;
  std::vector<TfLiteTelemetrySubgraphInfo> subgraphs;
};
struct TfLiteTelemetryGpuDelegateSettings {  // As TensorFlow Lite's GPU delegate lays it out.
  size_t num_nodes_delegated;
  int backend;
};

namespace octet::tflite_abi {
namespace {

constexpr uint64_t kFromInterpreter = 1;

}  // namespace

Telemetry::Telemetry(TfLiteTelemetryProfilerStruct* profiler, const runtime::Model& model, runtime::Interpreter& interpreter)
    : profiler_(profiler), interpreter_(interpreter) {
  interpreter.SetObserver(this);
  if (!profiler->ReportSettings) return;
  const tflite::View& view = static_cast<const runtime::SharedModel&>(model).view();
  TfLiteTelemetryInterpreterSettings settings;
  settings.conversion.modes = tflite::OptimizationModes(view);
  for (const tflite::SubgraphInfo& g : view.subgraphs()) {
    TfLiteTelemetrySubgraphInfo& to = settings.subgraphs.emplace_back();
    for (const tflite::TensorInfo& t : g.tensors) to.quantizations.push_back(ToQuantization(t.type.quant));
  }
  const TfLiteTelemetrySettings told = {kFromInterpreter, &settings};
  profiler->ReportSettings(profiler, "InterpreterBuilder::operator()", &told);
  for (TfLiteTelemetrySubgraphInfo& g : settings.subgraphs)
    for (TfLiteQuantization& q : g.quantizations) TfLiteQuantizationFree(&q);
}

void Telemetry::Event(const char* name, TfLiteStatus status) const {
  if (profiler_->ReportTelemetryEvent) profiler_->ReportTelemetryEvent(profiler_, name, kFromInterpreter << 32 | static_cast<uint32_t>(status));
}

void Telemetry::BeforeNode(int node) {
  if (!profiler_->ReportBeginOpInvokeEvent) return;
  name_ = interpreter_.node(node).op;
  for (char& c : name_) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  event_ = profiler_->ReportBeginOpInvokeEvent(profiler_, name_.c_str(), node, 0);
}

void Telemetry::AfterNode(int) {
  if (profiler_->ReportBeginOpInvokeEvent && profiler_->ReportEndOpInvokeEvent) profiler_->ReportEndOpInvokeEvent(profiler_, event_);
}

}  // namespace octet::tflite_abi

// -- the settings

const TfLiteTelemetryConversionMetadata* TfLiteTelemetryInterpreterSettingsGetConversionMetadata(const TfLiteTelemetryInterpreterSettings* settings) {
  return settings && !settings->conversion.modes.empty() ? &settings->conversion : nullptr;
}
const int32_t* TfLiteTelemetryConversionMetadataGetModelOptimizationModes(const TfLiteTelemetryConversionMetadata* metadata) { return metadata ? metadata->modes.data() : nullptr; }
size_t TfLiteTelemetryConversionMetadataGetNumModelOptimizationModes(const TfLiteTelemetryConversionMetadata* metadata) { return metadata ? metadata->modes.size() : 0; }
size_t TfLiteTelemetryInterpreterSettingsGetNumSubgraphInfo(const TfLiteTelemetryInterpreterSettings* settings) { return settings ? settings->subgraphs.size() : 0; }
const TfLiteTelemetrySubgraphInfo* TfLiteTelemetryInterpreterSettingsGetSubgraphInfo(const TfLiteTelemetryInterpreterSettings* settings) {
  return settings ? settings->subgraphs.data() : nullptr;
}
size_t TfLiteTelemetrySubgraphInfoGetNumQuantizations(TfLiteTelemetrySubgraphInfo* info) { return info ? info->quantizations.size() : 0; }
const TfLiteQuantization* TfLiteTelemetrySubgraphInfoGetQuantizations(TfLiteTelemetrySubgraphInfo* info) { return info ? info->quantizations.data() : nullptr; }
size_t TfLiteTelemetryGpuDelegateSettingsGetNumNodesDelegated(const TfLiteTelemetryGpuDelegateSettings* settings) {
  return settings ? settings->num_nodes_delegated : 0;
}
int TfLiteTelemetryGpuDelegateSettingsGetBackend(const TfLiteTelemetryGpuDelegateSettings* settings) { return settings ? settings->backend : 0; }
