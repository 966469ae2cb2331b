// SPDX-License-Identifier: Apache-2.0
// Core ML on Apple's systems, by the documented interface of MLModel. Built there only (library.cmake), with ARC.
#import <CoreML/CoreML.h>
#import <Foundation/Foundation.h>

#include <cstring>

#include "delegates/coreml/runner.h"

namespace octet::coreml {
namespace {

std::string TextOf(NSError* error) { return error ? error.localizedDescription.UTF8String : "no reason given"; }

MLMultiArrayDataType DataTypeOf(Type type) {
  return type == Type::kF16 ? MLMultiArrayDataTypeFloat16 : type == Type::kI32 ? MLMultiArrayDataTypeInt32 : MLMultiArrayDataTypeFloat32;
}

MLComputeUnits UnitsOf(const std::string& units) {
  if (units == "cpu") return MLComputeUnitsCPUOnly;
  if (units == "cpu_gpu") return MLComputeUnitsCPUAndGPU;
  return units == "cpu_ane" ? MLComputeUnitsCPUAndNeuralEngine : MLComputeUnitsAll;
}

// An array over memory of its own, or over octet's where both have the same elements.
struct Array {
  End end;
  size_t count = 1;
  std::vector<int32_t> wide;
  NSMutableArray<NSNumber*>* shape = [NSMutableArray array];
  NSMutableArray<NSNumber*>* strides = [NSMutableArray array];

  explicit Array(End e) : end(std::move(e)) {
    for (const int64_t d : end.dims) count *= static_cast<size_t>(d);
    int64_t stride = static_cast<int64_t>(count);
    for (const int64_t d : end.dims) {
      stride /= d;
      [shape addObject:@(d)];
      [strides addObject:@(stride)];
    }
    if (end.element_bytes == 1) wide.resize(count);
  }
  MLMultiArray* Over(void* memory, NSError** error) {
    void* const data = wide.empty() ? memory : wide.data();
    return [[MLMultiArray alloc] initWithDataPointer:data shape:shape dataType:DataTypeOf(end.crossing) strides:strides deallocator:nil error:error];
  }
  void Widen(const void* from) {
    for (size_t i = 0; i < wide.size(); ++i) wide[i] = end.is_signed ? static_cast<const int8_t*>(from)[i] : static_cast<const uint8_t*>(from)[i];
  }
  void Narrow(void* to) const {
    for (size_t i = 0; i < wide.size(); ++i) static_cast<uint8_t*>(to)[i] = static_cast<uint8_t>(wide[i]);
  }
};

class AppleRunner : public Runner {
 public:
  AppleRunner(MLModel* model, std::vector<End> inputs, std::vector<End> outputs) : model_(model) {
    for (End& e : inputs) inputs_.emplace_back(std::move(e));
    for (End& e : outputs) outputs_.emplace_back(std::move(e));
  }

  Status Run(const void* const* in, void* const* out) override {
    @autoreleasepool {
      NSError* error = nil;
      NSMutableDictionary<NSString*, id>* features = [NSMutableDictionary dictionary];
      NSMutableDictionary<NSString*, id>* backings = [NSMutableDictionary dictionary];
      for (size_t i = 0; i < inputs_.size(); ++i) {
        inputs_[i].Widen(in[i]);
        OCTET_TRY(Put(features, inputs_[i], const_cast<void*>(in[i])));
      }
      for (size_t i = 0; i < outputs_.size(); ++i) OCTET_TRY(Put(backings, outputs_[i], out[i]));
      MLDictionaryFeatureProvider* provider = [[MLDictionaryFeatureProvider alloc] initWithDictionary:features error:&error];
      if (!provider) return Error(Code::kDelegate, "Core ML refuses the inputs: %s", TextOf(error).c_str());
      MLPredictionOptions* options = [[MLPredictionOptions alloc] init];
      options.outputBackings = backings;
      id<MLFeatureProvider> result = [model_ predictionFromFeatures:provider options:options error:&error];
      if (!result) return Error(Code::kDelegate, "Core ML cannot compute: %s", TextOf(error).c_str());
      for (size_t i = 0; i < outputs_.size(); ++i) OCTET_TRY(Take(result, backings, outputs_[i], out[i]));
      return {};
    }
  }

 private:
  static Status Put(NSMutableDictionary<NSString*, id>* to, Array& a, void* memory) {
    NSError* error = nil;
    MLMultiArray* array = a.Over(memory, &error);
    if (!array) return Error(Code::kDelegate, "Core ML makes no array for '%s': %s", a.end.name.c_str(), TextOf(error).c_str());
    to[@(a.end.name.c_str())] = array;
    return {};
  }

  // Core ML may answer in an array of its own, whose rows may be padded.
  static Status Take(id<MLFeatureProvider> result, NSDictionary<NSString*, id>* backings, Array& a, void* out) {
    NSString* name = @(a.end.name.c_str());
    MLMultiArray* array = [result featureValueForName:name].multiArrayValue;
    if (!array) return Error(Code::kDelegate, "Core ML gave no '%s'", a.end.name.c_str());
    if (array != backings[name]) {
      NSError* error = nil;
      MLMultiArray* packed = a.Over(out, &error);
      if (!packed || ![array.shape isEqualToArray:a.shape]) return Error(Code::kDelegate, "Core ML gave '%s' another shape", a.end.name.c_str());
      for (NSUInteger i = 0; i < a.count; ++i) packed[i] = array[i];
    }
    a.Narrow(out);
    return {};
  }

  MLModel* const model_;
  std::vector<Array> inputs_, outputs_;
};

}  // namespace

bool Runner::IsHere() { return true; }

Result<std::unique_ptr<Runner>> Runner::Load(const std::string& package, const std::string& units, std::vector<End> inputs, std::vector<End> outputs) {
  @autoreleasepool {
    NSError* error = nil;
    NSURL* compiled = [MLModel compileModelAtURL:[NSURL fileURLWithPath:@(package.c_str())] error:&error];
    if (!compiled) return Error(Code::kDelegate, "Core ML cannot compile '%s': %s", package.c_str(), TextOf(error).c_str());
    MLModelConfiguration* configuration = [[MLModelConfiguration alloc] init];
    configuration.computeUnits = UnitsOf(units);
    MLModel* model = [MLModel modelWithContentsOfURL:compiled configuration:configuration error:&error];
    [[NSFileManager defaultManager] removeItemAtURL:compiled error:nil];
    if (!model) return Error(Code::kDelegate, "Core ML cannot load '%s': %s", package.c_str(), TextOf(error).c_str());
    return std::unique_ptr<Runner>(std::make_unique<AppleRunner>(model, std::move(inputs), std::move(outputs)));
  }
}

}  // namespace octet::coreml
