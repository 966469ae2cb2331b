// SPDX-License-Identifier: Apache-2.0
// Apple's Core ML as a delegate. Options: precision=float32|float16, units=all|cpu|cpu_gpu|cpu_ane, spec_dir=DIR: the parts'
// models stay there as packages, which is all that happens on other systems.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "delegates/builtin.h"
#include "delegates/coreml/lowering.h"
#include "delegates/coreml/package.h"
#include "delegates/coreml/runner.h"

namespace octet::delegates {
namespace coreml {
namespace {

using namespace octet::coreml;

struct Self {
  Type real = Type::kF32;
  std::string units = "all", folder;
};

int Say(const Status& status, char* text, size_t bytes) {
  if (status.ok()) return OCTET_DELEGATE_OK;
  std::snprintf(text, bytes, "%s", status.message().c_str());
  return OCTET_DELEGATE_ERROR;
}

Status SetOption(const std::string& key, const std::string& value, Self* self) {
  if (key == "spec_dir" && !value.empty()) self->folder = value;
  else if (key == "precision" && (value == "float32" || value == "float16")) self->real = value == "float16" ? Type::kF16 : Type::kF32;
  else if (key == "units" && (value == "all" || value == "cpu" || value == "cpu_gpu" || value == "cpu_ane")) self->units = value;
  else
    return Error(Code::kInvalidArgument, "option '%s=%s': expected precision=float32|float16, units=all|cpu|cpu_gpu|cpu_ane or spec_dir=DIR", key.c_str(),
                 value.c_str());
  return {};
}

Status Start(const OctetDelegateOption* options, size_t num_options, Self* self) {
  for (size_t i = 0; i < num_options; ++i) OCTET_TRY(SetOption(options[i].key, options[i].value, self));
  if (!Runner::IsHere() && self->folder.empty()) return Error(Code::kDelegate, "%s; coreml;spec_dir=DIR writes the models that it would run", kNotHere);
  return {};
}

int Create(const OctetDelegateOption* options, size_t num_options, void** self, char* error, size_t bytes) {
  auto made = std::make_unique<Self>();
  const Status status = Start(options, num_options, made.get());
  if (status.ok()) *self = made.release();
  return Say(status, error, bytes);
}
void Destroy(void* self) { delete static_cast<Self*>(self); }

int Takes(void* self, const OctetDelegateGraph* graph, int32_t node, char* reason, size_t bytes) {
  Lowering lowering(*graph, static_cast<const Self*>(self)->real, true);
  return Say(lowering.Add(graph->nodes[node]), reason, bytes) == OCTET_DELEGATE_OK;
}

// Named by the tensor's number in the file.
End EndOf(const OctetDelegateGraph& graph, int32_t tensor) {
  const OctetDelegateTensor& t = graph.tensors[tensor];
  const bool narrow = t.type == kI8 || t.type == kU8 || t.type == kBool;
  const Type crossing = t.type == kF32 ? Type::kF32 : t.type == kF16 ? Type::kF16 : Type::kI32;
  return {"tensor_" + std::to_string(tensor), crossing, narrow ? 1 : t.type == kF16 ? 2 : 4, t.type == kI8, Dims(t.dims, t.dims + t.rank)};
}

// Without a folder of the user's a package lives until Core ML has compiled it.
struct Folder {
  std::string path;
  bool temporary = false;
  ~Folder() {
    std::error_code ignored;
    if (temporary) std::filesystem::remove_all(path, ignored);
  }
};

Status MakeFolder(const std::string& wanted, Folder* folder) {
  folder->path = wanted;
  if (!wanted.empty()) return {};
  std::error_code failed;
  const std::filesystem::path place = std::filesystem::temp_directory_path(failed);
  std::string pattern = (failed ? std::string("/tmp") : place.string()) + "/octet-coreml-XXXXXX";
  if (!::mkdtemp(pattern.data())) return Error(Code::kIo, "cannot make a temporary folder '%s'", pattern.c_str());
  *folder = {pattern, true};
  return {};
}

Status PreparePart(const Self& self, const OctetDelegateGraph& graph, const OctetDelegatePart& part, std::unique_ptr<Runner>* runner) {
  Lowering lowering(graph, self.real, false);
  std::vector<End> inputs, outputs;
  for (int32_t i = 0; i < part.num_inputs; ++i) {
    inputs.push_back(EndOf(graph, part.inputs[i]));
    OCTET_TRY(lowering.AddInput(part.inputs[i], inputs.back().name));
  }
  for (int32_t i = 0; i < part.num_nodes; ++i) OCTET_TRY(lowering.Add(graph.nodes[part.nodes[i]]));
  for (int32_t i = 0; i < part.num_outputs; ++i) {
    outputs.push_back(EndOf(graph, part.outputs[i]));
    OCTET_TRY(lowering.AddOutput(part.outputs[i], outputs.back().name));
  }
  Folder folder;
  OCTET_TRY(MakeFolder(self.folder, &folder));
  const std::string name = Format("nodes_%d-%d", graph.nodes[part.nodes[0]].index, graph.nodes[part.nodes[part.num_nodes - 1]].index);
  OCTET_ASSIGN(const std::string package, WritePackage(folder.path, name, lowering.p));
  if (!Runner::IsHere()) return Error(Code::kDelegate, "its model is in '%s'; %s", package.c_str(), kNotHere);
  OCTET_ASSIGN(*runner, Runner::Load(package, self.units, std::move(inputs), std::move(outputs)));
  return {};
}

int Prepare(void* self, const OctetDelegateGraph* graph, const OctetDelegatePart* part, void** kernel, char* error, size_t bytes) {
  std::unique_ptr<Runner> runner;
  const Status status = PreparePart(*static_cast<const Self*>(self), *graph, *part, &runner);
  if (status.ok()) *kernel = runner.release();
  return Say(status, error, bytes);
}
int Run(void* kernel, const void* const* in, void* const* out, char* error, size_t bytes) {
  return Say(static_cast<Runner*>(kernel)->Run(in, out), error, bytes);
}
void Release(void* kernel) { delete static_cast<Runner*>(kernel); }

constexpr OctetDelegate kCoreml = {
    OCTET_DELEGATE_VERSION, sizeof(OctetDelegate), "coreml", Create, Destroy, nullptr, nullptr, Takes, Prepare, Run, nullptr, Release, nullptr};

}  // namespace
}  // namespace coreml

const OctetDelegate* CoremlDelegate() { return &coreml::kCoreml; }
Status CheckCoremlOptions(const runtime::Delegate::Settings& settings) {
  coreml::Self self;
  for (const auto& [key, value] : settings) OCTET_TRY(coreml::SetOption(key, value, &self));
  return {};
}

}  // namespace octet::delegates
