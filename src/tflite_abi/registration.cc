// SPDX-License-Identifier: Apache-2.0
#include "tflite_abi/registration.h"

#include <map>
#include <memory>
#include <mutex>

#include "tflite_abi/kernel_context.h"

namespace octet::tflite_abi {
namespace {

constexpr ops::Operand kInputs[] = {{.name = "inputs", .type = 'X', .arity = ops::Arity::kOptional}, {.name = "more", .type = 'Y', .arity = ops::Arity::kMany}};
constexpr ops::Operand kOutputs[] = {{.name = "outputs", .type = 'Z', .arity = ops::Arity::kMany}};
constexpr ops::TypeRow kTypes[] = {{""}};

// By name, for the rest of the process: what an OpDef's `self` points to never goes.
struct Entry {
  ops::OpDef def;
  CustomOp op;
};
std::mutex g_mutex;
std::map<std::string, std::unique_ptr<Entry>, std::less<>>& Entries() {
  static auto& entries = *new std::map<std::string, std::unique_ptr<Entry>, std::less<>>;
  return entries;
}

TfLiteRegistration RegistrationOf(const ops::OpView& op) {
  const std::lock_guard lock(g_mutex);
  return static_cast<const Entry*>(op.def->self)->op.registration;
}

Status Infer(const ops::OpView& op, std::span<ops::OutputType> out) {
  for (const TensorType* t : op.inputs)
    if (t && !t->shape.known()) {
      for (ops::OutputType& o : out) o.dynamic = true;
      return {};
    }
  KernelContext kernel(RegistrationOf(op), op);
  OCTET_TRY(kernel.Prepare());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].dynamic = kernel.dynamic(static_cast<int>(i));
    out[i].shape = kernel.shape(static_cast<int>(i));
  }
  return {};
}

struct Params {
  KernelContext* kernel;
};

Status PrepareKernel(ops::Prepare& p) {
  auto* params = p.Params<Params>();
  params->kernel = new KernelContext(RegistrationOf(p.op), p.op);
  p.Keep(params->kernel, [](void* kernel) { delete static_cast<KernelContext*>(kernel); });
  OCTET_TRY(params->kernel->Prepare());
  p.SetRun([](const void* q, const ops::Run& run) { return static_cast<const Params*>(q)->kernel->Invoke(run); }, params);
  return {};
}
constexpr ops::Variant kVariants[] = {{.name = "custom", .prepare = PrepareKernel}};
constexpr ops::OpKernel kKernel = {.variants = kVariants};

}  // namespace

Status RegisterOps(const std::vector<CustomOp>& list) {
  const std::lock_guard lock(g_mutex);
  for (const CustomOp& op : list) {
    std::unique_ptr<Entry>& entry = Entries()[op.name];
    const bool known = entry != nullptr;
    if (!known) entry = std::make_unique<Entry>(Entry{{}, {op.name, {}}});
    entry->op.registration = op.registration;
    entry->op.registration.custom_name = entry->op.name.c_str();
    if (known) continue;
    ops::OpDef& def = entry->def;
    def.name = def.custom_name = entry->op.name;
    def.code = ops::BuiltinCode::kCustom;
    def.inputs = kInputs;
    def.outputs = kOutputs;
    def.types = kTypes;
    def.traits = ops::kSideEffects;
    def.infer = Infer;
    def.self = entry.get();
    OCTET_TRY(ops::Register(&def, &kKernel));
  }
  return {};
}

}  // namespace octet::tflite_abi
