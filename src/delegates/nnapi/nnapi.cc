// SPDX-License-Identifier: Apache-2.0
// Android's NNAPI as a delegate. Options: library=PATH (libneuralnetworks.so), accelerator=NAME, preference=
// low_power|fast|sustained, fp16=1 (float32 may be computed in half precision), burst=0.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "delegates/builtin.h"
#include "delegates/nnapi/operators.h"

namespace octet::delegates {
namespace nnapi {
namespace {

struct Self {
  const Api* api = nullptr;
  std::vector<const ANeuralNetworksDevice*> devices;  // Empty: NNAPI chooses.
  int32_t preference = kFastSingleAnswer;
  bool fp16 = false, burst = true;
};

int Say(const Status& status, char* text, size_t bytes) {
  if (status.ok()) return OCTET_DELEGATE_OK;
  std::snprintf(text, bytes, "%s", status.message().c_str());
  return OCTET_DELEGATE_ERROR;
}

// The accelerator of this name; empty: all but the system's own processor, where it tells them apart.
Result<std::vector<const ANeuralNetworksDevice*>> FindDevices(const Api& api, const std::string& name) {
  uint32_t count = 0;
  std::string names;
  std::vector<const ANeuralNetworksDevice*> devices;
  if (name.empty() && !api.DeviceCount) return devices;
  if (!api.DeviceCount || !api.DeviceGet || !api.DeviceName || api.DeviceCount(&count) != 0) return Error(Code::kDelegate, "this NNAPI names no accelerators");
  for (uint32_t i = 0; i < count; ++i) {
    ANeuralNetworksDevice* device = nullptr;
    const char* found = nullptr;
    if (api.DeviceGet(i, &device) != 0 || api.DeviceName(device, &found) != 0) continue;
    if (name == found) return std::vector<const ANeuralNetworksDevice*>{device};
    names += std::string(" ") + found;
    if (std::string_view(found) != "nnapi-reference") devices.push_back(device);
  }
  if (name.empty() && !devices.empty()) return devices;
  if (name.empty()) return Error(Code::kDelegate, "NNAPI has no accelerator besides its own processor implementation");
  return Error(Code::kDelegate, "NNAPI has no accelerator '%s'; there are:%s", name.c_str(), names.empty() ? " none" : names.c_str());
}

struct Wanted {
  std::string library = "libneuralnetworks.so", accelerator;
  bool cpu = true;
};

Status SetOption(const std::string& key, const std::string& value, Wanted* wanted, Self* self) {
  if (key == "cpu" || key == "fp16" || key == "burst") {
    (key == "cpu" ? wanted->cpu : key == "fp16" ? self->fp16 : self->burst) = value == "1";
    return value == "0" || value == "1" ? Status() : Error(Code::kInvalidArgument, "option '%s': expected 0 or 1, found '%s'", key.c_str(), value.c_str());
  }
  if (key == "library") wanted->library = value;
  else if (key == "accelerator") wanted->accelerator = value;
  else if (key == "preference" && value == "low_power") self->preference = kLowPower;
  else if (key == "preference" && value == "sustained") self->preference = kSustainedSpeed;
  else if (key != "preference" || value != "fast")
    return Error(Code::kInvalidArgument, "option '%s=%s': expected library, accelerator, cpu=0|1, preference=low_power|fast|sustained, fp16=0|1 or burst=0|1",
                 key.c_str(), value.c_str());
  return {};
}

Status Start(const OctetDelegateOption* options, size_t num_options, Self* self) {
  Wanted wanted;
  for (size_t i = 0; i < num_options; ++i) OCTET_TRY(SetOption(options[i].key, options[i].value, &wanted, self));
  OCTET_ASSIGN(self->api, Api::Load(wanted.library));
  if (wanted.accelerator.empty() && wanted.cpu) return {};
  OCTET_ASSIGN(self->devices, FindDevices(*self->api, wanted.accelerator));
  return {};
}

int Create(const OctetDelegateOption* options, size_t num_options, void** self, char* error, size_t bytes) {
  auto made = std::make_unique<Self>();
  const Status status = Start(options, num_options, made.get());
  if (status.ok()) *self = made.release();
  return Say(status, error, bytes);
}
void Destroy(void* self) { delete static_cast<Self*>(self); }

int Takes(void*, const OctetDelegateGraph* graph, int32_t node, char* reason, size_t bytes) {
  const char* why = WhyNot(*graph, graph->nodes[node]);
  if (why) std::snprintf(reason, bytes, "%s", why);
  return why ? 0 : 1;
}

// One part: compiled once, executed with new addresses each time.
class Kernel {
 public:
  Kernel(const Self& self, const OctetDelegateGraph& graph) : self_(self), api_(*self.api), graph_(graph) {}
  Kernel(const Kernel&) = delete;
  ~Kernel() {
    if (burst_) api_.BurstFree(burst_);
    if (compilation_) api_.CompilationFree(compilation_);
    if (model_) api_.ModelFree(model_);
  }

  Status Prepare(const OctetDelegatePart& part) {
    inputs_.assign(part.inputs, part.inputs + part.num_inputs);
    outputs_.assign(part.outputs, part.outputs + part.num_outputs);
    OCTET_TRY(Check(api_.ModelCreate(&model_), "a model"));
    builder_ = std::make_unique<Builder>(api_, graph_, model_);
    for (int32_t i = 0; i < part.num_nodes; ++i) OCTET_TRY(builder_->AddNode(graph_.nodes[part.nodes[i]]));
    OCTET_TRY(builder_->Identify(inputs_, outputs_));
    if (self_.fp16 && api_.Relax) OCTET_TRY(Check(api_.Relax(model_, true), "half precision"));
    OCTET_TRY(Check(api_.ModelFinish(model_), "the model"));
    OCTET_TRY(CheckDevice(part));
    const bool chosen = !self_.devices.empty() && api_.CompilationCreateForDevices;
    OCTET_TRY(Check(chosen ? api_.CompilationCreateForDevices(model_, self_.devices.data(), static_cast<uint32_t>(self_.devices.size()), &compilation_)
                           : api_.CompilationCreate(model_, &compilation_),
                    "a compilation"));
    OCTET_TRY(Check(api_.SetPreference(compilation_, self_.preference), "the preference"));
    OCTET_TRY(Check(api_.CompilationFinish(compilation_), "to compile"));
    if (self_.burst && api_.BurstCreate && api_.BurstFree && api_.BurstCompute) OCTET_TRY(Check(api_.BurstCreate(compilation_, &burst_), "a burst"));
    return {};
  }

  Status Run(const void* const* in, void* const* out) {
    ANeuralNetworksExecution* execution = nullptr;
    OCTET_TRY(Check(api_.ExecutionCreate(compilation_, &execution), "an execution"));
    Status status = Execute(execution, in, out);
    api_.ExecutionFree(execution);
    return status;
  }

 private:
  static Status Check(int answer, const char* what) { return answer == 0 ? Status() : Error(Code::kDelegate, "NNAPI refuses %s: error %d", what, answer); }

  // An accelerator that lacks one of the operations says so before it compiles.
  Status CheckDevice(const OctetDelegatePart& part) const {
    if (self_.devices.empty() || !api_.SupportedForDevices) return {};
    const auto supported = std::make_unique<bool[]>(static_cast<size_t>(part.num_nodes));
    OCTET_TRY(Check(api_.SupportedForDevices(model_, self_.devices.data(), static_cast<uint32_t>(self_.devices.size()), supported.get()),
                    "the question what it supports"));
    for (int32_t i = 0; i < part.num_nodes; ++i)
      if (!supported[static_cast<size_t>(i)])
        return Error(Code::kDelegate, "the accelerator does not support %s (#%d)", graph_.nodes[part.nodes[i]].op, graph_.nodes[part.nodes[i]].index);
    return {};
  }

  Status Execute(ANeuralNetworksExecution* execution, const void* const* in, void* const* out) {
    for (size_t i = 0; i < inputs_.size(); ++i)
      OCTET_TRY(Check(api_.SetInput(execution, static_cast<int32_t>(i), nullptr, in[i], graph_.tensors[inputs_[i]].bytes), "an input"));
    for (size_t i = 0; i < outputs_.size(); ++i)
      OCTET_TRY(Check(api_.SetOutput(execution, static_cast<int32_t>(i), nullptr, out[i], graph_.tensors[outputs_[i]].bytes), "an output"));
    return Check(burst_ ? api_.BurstCompute(execution, burst_) : api_.Compute(execution), "to compute");
  }

  const Self& self_;
  const Api& api_;
  const OctetDelegateGraph& graph_;
  std::vector<int32_t> inputs_, outputs_;
  ANeuralNetworksModel* model_ = nullptr;
  std::unique_ptr<Builder> builder_;  // Keeps what the model points to.
  ANeuralNetworksCompilation* compilation_ = nullptr;
  ANeuralNetworksBurst* burst_ = nullptr;
};

int Prepare(void* self, const OctetDelegateGraph* graph, const OctetDelegatePart* part, void** kernel, char* error, size_t bytes) {
  auto made = std::make_unique<Kernel>(*static_cast<const Self*>(self), *graph);
  const Status status = made->Prepare(*part);
  if (status.ok()) *kernel = made.release();
  return Say(status, error, bytes);
}
int Run(void* kernel, const void* const* in, void* const* out, char* error, size_t bytes) {
  return Say(static_cast<Kernel*>(kernel)->Run(in, out), error, bytes);
}
void Release(void* kernel) { delete static_cast<Kernel*>(kernel); }

constexpr OctetDelegate kNnapi = {
    OCTET_DELEGATE_VERSION, sizeof(OctetDelegate), "nnapi", Create, Destroy, nullptr, nullptr, Takes, Prepare, Run, nullptr, Release, nullptr};

}  // namespace
}  // namespace nnapi

const OctetDelegate* NnapiDelegate() { return &nnapi::kNnapi; }
Status CheckNnapiOptions(const runtime::Delegate::Settings& settings) {
  nnapi::Wanted wanted;
  nnapi::Self self;
  for (const auto& [key, value] : settings) OCTET_TRY(nnapi::SetOption(key, value, &wanted, &self));
  return {};
}

}  // namespace octet::delegates
