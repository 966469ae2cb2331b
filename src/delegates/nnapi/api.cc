// SPDX-License-Identifier: Apache-2.0
#include "delegates/nnapi/api.h"

#include <map>
#include <memory>
#include <mutex>

#include "base/library.h"

namespace octet::delegates::nnapi {
namespace {

template <class F> bool Find(const Library& library, const char* name, F* function) {
  *function = reinterpret_cast<F>(library.Find((std::string("ANeuralNetworks") + name).c_str()));
  return *function != nullptr;
}

bool FindAll(const Library& l, Api* a) {
  Find(l, "Model_setOperandSymmPerChannelQuantParams", &a->SetPerChannel);
  Find(l, "Model_relaxComputationFloat32toFloat16", &a->Relax);
  Find(l, "Burst_create", &a->BurstCreate);
  Find(l, "Burst_free", &a->BurstFree);
  Find(l, "Execution_burstCompute", &a->BurstCompute);
  Find(l, "_getDeviceCount", &a->DeviceCount);
  Find(l, "_getDevice", &a->DeviceGet);
  Find(l, "Device_getName", &a->DeviceName);
  Find(l, "Compilation_createForDevices", &a->CompilationCreateForDevices);
  Find(l, "Model_getSupportedOperationsForDevices", &a->SupportedForDevices);
  return Find(l, "Model_create", &a->ModelCreate) && Find(l, "Model_free", &a->ModelFree) && Find(l, "Model_finish", &a->ModelFinish) &&
         Find(l, "Model_addOperand", &a->AddOperand) && Find(l, "Model_setOperandValue", &a->SetValue) && Find(l, "Model_addOperation", &a->AddOperation) &&
         Find(l, "Model_identifyInputsAndOutputs", &a->IdentifyEnds) && Find(l, "Compilation_create", &a->CompilationCreate) &&
         Find(l, "Compilation_free", &a->CompilationFree) && Find(l, "Compilation_setPreference", &a->SetPreference) &&
         Find(l, "Compilation_finish", &a->CompilationFinish) && Find(l, "Execution_create", &a->ExecutionCreate) &&
         Find(l, "Execution_free", &a->ExecutionFree) && Find(l, "Execution_setInput", &a->SetInput) && Find(l, "Execution_setOutput", &a->SetOutput) &&
         Find(l, "Execution_compute", &a->Compute);
}

}  // namespace

Result<const Api*> Api::Load(const std::string& library) {
  static std::mutex mutex;
  static auto& loaded = *new std::map<std::string, std::unique_ptr<const Api>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<const Api>& entry = loaded[library];
  if (entry) return entry.get();
  auto opened = Library::OpenSystem(library);
  if (!opened.ok()) return Error(Code::kDelegate, "NNAPI is Android's: %s; name another library with nnapi;library=PATH", opened.error().message().c_str());
  auto api = std::make_unique<Api>();
  if (!FindAll(*opened, api.get())) return Error(Code::kDelegate, "'%s' is no NNAPI of Android 10 or later: functions are missing", library.c_str());
  entry = std::move(api);
  return entry.get();
}

}  // namespace octet::delegates::nnapi
