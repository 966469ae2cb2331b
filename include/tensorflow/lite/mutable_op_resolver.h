// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_MUTABLE_OP_RESOLVER_H_
#define TENSORFLOW_LITE_MUTABLE_OP_RESOLVER_H_

#include <map>

#include "tensorflow/lite/core/api/op_resolver.h"

namespace tflite {

class MutableOpResolver : public OpResolver {
 public:
  const TfLiteRegistration* FindOp(BuiltinOperator op, int version) const override { return Find(builtins_, {static_cast<int>(op), version}); }
  const TfLiteRegistration* FindOp(const char* op, int version) const override { return Find(customs_, {op ? op : "", version}); }

  void AddBuiltin(BuiltinOperator op, const TfLiteRegistration* registration, int version = 1) {
    Add(builtins_, static_cast<int>(op), registration, version, version, op);
  }
  void AddBuiltin(BuiltinOperator op, const TfLiteRegistration* registration, int min_version, int max_version) {
    Add(builtins_, static_cast<int>(op), registration, min_version, max_version, op);
  }
  // Null is ignored, as in TensorFlow Lite.
  void AddCustom(const char* name, const TfLiteRegistration* registration, int version = 1) { AddCustom(name, registration, version, version); }
  void AddCustom(const char* name, const TfLiteRegistration* registration, int min_version, int max_version) {
    Add(customs_, std::string(name), registration, min_version, max_version, BuiltinOperator_CUSTOM);
  }
  void AddAll(const MutableOpResolver& other) {
    for (const auto& [key, registration] : other.builtins_) builtins_[key] = registration;
    for (const auto& [key, registration] : other.customs_) customs_[key] = registration;
  }

  CustomOps custom_ops() const override {
    CustomOps ops;
    for (const auto& [key, registration] : customs_) ops.emplace_back(key.first, registration);
    return ops;
  }
  std::vector<std::pair<BuiltinOperator, TfLiteRegistration>> replaced_ops() const override {
    std::vector<std::pair<BuiltinOperator, TfLiteRegistration>> ops;
    for (const auto& [key, registration] : builtins_)
      if (registration.invoke) ops.emplace_back(static_cast<BuiltinOperator>(key.first), registration);
    return ops;
  }

 private:
  template <class Map> static const TfLiteRegistration* Find(const Map& map, const typename Map::key_type& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
  }
  template <class Map, class Key> static void Add(Map& map, const Key& key, const TfLiteRegistration* registration, int min, int max, BuiltinOperator code) {
    if (!registration) return;
    for (int version = min; version <= max; ++version) {
      TfLiteRegistration copy = *registration;
      copy.builtin_code = code;
      copy.version = version;
      map[{key, version}] = copy;
    }
  }

  std::map<std::pair<int, int>, TfLiteRegistration> builtins_;  // By code and version.
  std::map<std::pair<std::string, int>, TfLiteRegistration> customs_;
};

}  // namespace tflite

#endif  // TENSORFLOW_LITE_MUTABLE_OP_RESOLVER_H_
