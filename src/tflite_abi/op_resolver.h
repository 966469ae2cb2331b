// SPDX-License-Identifier: Apache-2.0
// Which operators a program's options allow, and what runs them: octet's kernels the builtin ones, its own the custom ones.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/interpreter.h"
#include "tflite_abi/registration.h"

namespace octet::tflite_abi {

class OpResolver {
 public:
  using FindBuiltin = std::function<std::optional<TfLiteRegistration>(int code, int version)>;
  using FindCustom = std::function<std::optional<TfLiteRegistration>(const char* name, int version)>;

  void AddBuiltin(int code, const TfLiteRegistration& registration, int min_version, int max_version) {
    builtins_.push_back({code, min_version, max_version, registration});
  }
  void AddCustom(const char* name, const TfLiteRegistration& registration) { customs_.push_back({name, registration}); }
  void Add(TfLiteOperator* op);
  // Instead of what was added. An empty function finds nothing; two of them take the resolver back.
  void SetCallbacks(FindBuiltin builtin, FindCustom custom);

  // The custom operators that the model needs, and others that were added. kUnsupported: the model has one that is not found
  // (`selected` or by callback: builtin ones, too), or a builtin one that the program wants to compute itself.
  Result<std::vector<CustomOp>> Resolve(const runtime::Model& model, bool selected) const;

 private:
  struct Builtin {
    int code, min_version, max_version;
    TfLiteRegistration registration;
  };
  Status CheckBuiltin(int code, const std::string& name, int version, bool selected) const;
  const CustomOp* Added(const std::string& name) const;

  std::vector<Builtin> builtins_;
  std::vector<CustomOp> customs_;
  bool called_back_ = false;
  FindBuiltin find_builtin_;
  FindCustom find_custom_;
};

}  // namespace octet::tflite_abi
