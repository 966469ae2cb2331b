// SPDX-License-Identifier: Apache-2.0
#include "tflite_abi/op_resolver.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>
#include <tuple>

#include "runtime/shared_model.h"
#include "tensorflow/lite/c/c_api_experimental.h"
#include "tflite_abi/c_api.h"

namespace octet::tflite_abi {
namespace {

TfLiteRegistration Of(const TfLiteOperator* op) {
  TfLiteRegistration r = {};
  r.builtin_code = op->builtin_code;
  r.version = op->version;
  r.registration_external = const_cast<TfLiteOperator*>(op);
  return r;
}

bool HasMethods(const TfLiteOperator& op) {
  return op.init || op.free || op.prepare || op.invoke || op.init_with_data || op.free_with_data || op.prepare_with_data || op.invoke_with_data;
}

// Computes by itself; what Register_ADD() and the like return stands for octet's kernel.
bool HasKernel(const TfLiteRegistration& r) { return r.invoke || (r.registration_external && HasMethods(*r.registration_external)); }

}  // namespace

void OpResolver::Add(TfLiteOperator* op) {
  if (op->builtin_code == kTfLiteBuiltinCustom) customs_.push_back({op->custom_name, Of(op)});
  else builtins_.push_back({op->builtin_code, op->version, op->version, Of(op)});
}

void OpResolver::SetCallbacks(FindBuiltin builtin, FindCustom custom) {
  called_back_ = builtin || custom;
  find_builtin_ = std::move(builtin);
  find_custom_ = std::move(custom);
}

const CustomOp* OpResolver::Added(const std::string& name) const {
  const auto found = std::ranges::find(customs_, name, &CustomOp::name);
  return found == customs_.end() ? nullptr : &*found;
}

Status OpResolver::CheckBuiltin(int code, const std::string& name, int version, bool selected) const {
  std::optional<TfLiteRegistration> found;
  if (called_back_) {
    if (find_builtin_) found = find_builtin_(code, version);
  } else {
    for (const Builtin& b : builtins_)
      if (b.code == code && version >= b.min_version && version <= b.max_version) found = b.registration;
  }
  if (found && HasKernel(*found))
    return Error(Code::kUnsupported,
                 "the model has %s, and the program a kernel of its own for it: octet runs its own builtin operators; only custom ones can be added",
                 name.c_str());
  if (found || (!called_back_ && !selected)) return {};
  return Error(Code::kUnsupported, "Didn't find op for builtin opcode '%s' version '%d': the program's list of operators lacks it", name.c_str(), version);
}

Result<std::vector<CustomOp>> OpResolver::Resolve(const runtime::Model& model, bool selected) const {
  std::vector<CustomOp> ops = called_back_ ? std::vector<CustomOp>() : customs_;
  if (!called_back_ && !selected && builtins_.empty()) return ops;
  std::set<std::tuple<bool, std::string, int>> seen;
  for (const tflite::SubgraphInfo& g : static_cast<const runtime::SharedModel&>(model).view().subgraphs())
    for (const tflite::OperatorInfo& op : g.operators) {
      const std::string name(op.code_name);
      if (!seen.emplace(op.is_custom, name, op.version).second) continue;
      if (!op.is_custom) {
        if (op.op) OCTET_TRY(CheckBuiltin(static_cast<int>(op.op->code), name, op.version, selected));  // Others octet lacks: the interpreter says which.
        continue;
      }
      std::optional<TfLiteRegistration> found;
      if (called_back_ && find_custom_) found = find_custom_(name.c_str(), op.version);
      if (found) ops.push_back({name, *found});
      if (!found && (called_back_ || selected) && !(selected && !called_back_ && Added(name)))
        return Error(Code::kUnsupported, "Encountered unresolved custom op: %s: the program's list of operators lacks it", name.c_str());
    }
  return ops;
}

namespace {

// Earlier forms of a registration are its first fields.
template <class From>
std::optional<TfLiteRegistration> Whole(const From* from) {
  if (!from) return std::nullopt;
  TfLiteRegistration r = {};
  std::memcpy(static_cast<void*>(&r), from, std::min(sizeof(From), sizeof(r)));
  if constexpr (sizeof(From) < sizeof(TfLiteRegistration_V2)) r.registration_external = nullptr;
  return r;
}

template <class Registration>
void SetRegistrations(TfLiteInterpreterOptions* options, const Registration* (*builtin)(void*, TfLiteBuiltinOperator, int),
                      const Registration* (*custom)(void*, const char*, int), void* user_data) {
  OpResolver::FindBuiltin find_builtin;
  OpResolver::FindCustom find_custom;
  if (builtin) find_builtin = [=](int code, int version) { return Whole(builtin(user_data, static_cast<TfLiteBuiltinOperator>(code), version)); };
  if (custom) find_custom = [=](const char* name, int version) { return Whole(custom(user_data, name, version)); };
  options->ops.SetCallbacks(std::move(find_builtin), std::move(find_custom));
}

}  // namespace
}  // namespace octet::tflite_abi

using octet::tflite_abi::OpResolver;
using octet::tflite_abi::SetRegistrations;

void TfLiteInterpreterOptionsSetOpResolver(TfLiteInterpreterOptions* options, const TfLiteRegistration* (*builtin)(void*, TfLiteBuiltinOperator, int),
                                           const TfLiteRegistration* (*custom)(void*, const char*, int), void* user_data) {
  SetRegistrations(options, builtin, custom, user_data);
}
void TfLiteInterpreterOptionsSetOpResolverV3(TfLiteInterpreterOptions* options, const TfLiteRegistration_V3* (*builtin)(void*, TfLiteBuiltinOperator, int),
                                             const TfLiteRegistration_V3* (*custom)(void*, const char*, int), void* user_data) {
  SetRegistrations(options, builtin, custom, user_data);
}
void TfLiteInterpreterOptionsSetOpResolverV2(TfLiteInterpreterOptions* options, const TfLiteRegistration_V2* (*builtin)(void*, TfLiteBuiltinOperator, int),
                                             const TfLiteRegistration_V2* (*custom)(void*, const char*, int), void* user_data) {
  SetRegistrations(options, builtin, custom, user_data);
}
void TfLiteInterpreterOptionsSetOpResolverV1(TfLiteInterpreterOptions* options, const TfLiteRegistration_V1* (*builtin)(void*, TfLiteBuiltinOperator, int),
                                             const TfLiteRegistration_V1* (*custom)(void*, const char*, int), void* user_data) {
  SetRegistrations(options, builtin, custom, user_data);
}
void TfLiteInterpreterOptionsSetOpResolverExternal(TfLiteInterpreterOptions* options, const TfLiteOperator* (*builtin)(void*, int, int),
                                                   const TfLiteOperator* (*custom)(void*, const char*, int), void* user_data) {
  TfLiteInterpreterOptionsSetOpResolverExternalWithFallback(options, builtin, custom, nullptr, nullptr, user_data);
}

void TfLiteInterpreterOptionsSetOpResolverExternalWithFallback(TfLiteInterpreterOptions* options, const TfLiteOperator* (*builtin_operator)(void*, int, int),
                                                               const TfLiteOperator* (*custom_operator)(void*, const char*, int),
                                                               const TfLiteRegistration* (*builtin)(void*, TfLiteBuiltinOperator, int),
                                                               const TfLiteRegistration* (*custom)(void*, const char*, int), void* user_data) {
  using octet::tflite_abi::HasMethods;
  using octet::tflite_abi::Of;
  using octet::tflite_abi::Whole;
  OpResolver::FindBuiltin find_builtin;
  OpResolver::FindCustom find_custom;
  if (builtin_operator || builtin)
    find_builtin = [=](int code, int version) -> std::optional<TfLiteRegistration> {
      const TfLiteOperator* op = builtin_operator ? builtin_operator(user_data, code, version) : nullptr;
      if (builtin && (!op || !HasMethods(*op))) return Whole(builtin(user_data, static_cast<TfLiteBuiltinOperator>(code), version));
      return op ? std::optional(Of(op)) : std::nullopt;
    };
  if (custom_operator || custom)
    find_custom = [=](const char* name, int version) -> std::optional<TfLiteRegistration> {
      const TfLiteOperator* op = custom_operator ? custom_operator(user_data, name, version) : nullptr;
      if (op && HasMethods(*op)) return Of(op);
      return custom ? Whole(custom(user_data, name, version)) : std::nullopt;
    };
  options->ops.SetCallbacks(std::move(find_builtin), std::move(find_custom));
}
