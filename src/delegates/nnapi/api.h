// SPDX-License-Identifier: Apache-2.0
// Android's NNAPI as its C interface has it (NeuralNetworks.h): numbers and functions, found at run time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

struct ANeuralNetworksModel;
struct ANeuralNetworksCompilation;
struct ANeuralNetworksExecution;
struct ANeuralNetworksBurst;
struct ANeuralNetworksDevice;
struct ANeuralNetworksOperandType {
  int32_t type;
  uint32_t dimension_count;
  const uint32_t* dimensions;
  float scale;
  int32_t zero_point;
};
struct ANeuralNetworksSymmPerChannelQuantParams {
  uint32_t channel_dim, scale_count;
  const float* scales;
};

namespace octet::delegates::nnapi {

enum OperandCode : int32_t {
  kFloat32 = 0, kInt32 = 1, kTensorFloat32 = 3, kTensorInt32 = 4, kTensorQuant8Asymm = 5, kBool = 6, kTensorQuant8SymmPerChannel = 11,
  kTensorQuant8AsymmSigned = 14,
};
enum OperationCode : int32_t {
  kAdd = 0, kAveragePool = 1, kConcatenation = 2, kConv = 3, kDepthwiseConv = 4, kFullyConnected = 9, kLogistic = 14, kMaxPool = 17, kMul = 18, kRelu = 19,
  kRelu1 = 20, kRelu6 = 21, kReshape = 22, kSoftmax = 25, kTanh = 28, kDiv = 30, kSub = 36,
};
inline constexpr int32_t kLowPower = 0, kFastSingleAnswer = 1, kSustainedSpeed = 2;

struct Api {
  static Result<const Api*> Load(const std::string& library);

  int (*ModelCreate)(ANeuralNetworksModel**) = nullptr;
  void (*ModelFree)(ANeuralNetworksModel*) = nullptr;
  int (*ModelFinish)(ANeuralNetworksModel*) = nullptr;
  int (*AddOperand)(ANeuralNetworksModel*, const ANeuralNetworksOperandType*) = nullptr;
  int (*SetValue)(ANeuralNetworksModel*, int32_t, const void*, size_t) = nullptr;
  int (*AddOperation)(ANeuralNetworksModel*, int32_t, uint32_t, const uint32_t*, uint32_t, const uint32_t*) = nullptr;
  int (*IdentifyEnds)(ANeuralNetworksModel*, uint32_t, const uint32_t*, uint32_t, const uint32_t*) = nullptr;
  int (*CompilationCreate)(ANeuralNetworksModel*, ANeuralNetworksCompilation**) = nullptr;
  void (*CompilationFree)(ANeuralNetworksCompilation*) = nullptr;
  int (*SetPreference)(ANeuralNetworksCompilation*, int32_t) = nullptr;
  int (*CompilationFinish)(ANeuralNetworksCompilation*) = nullptr;
  int (*ExecutionCreate)(ANeuralNetworksCompilation*, ANeuralNetworksExecution**) = nullptr;
  void (*ExecutionFree)(ANeuralNetworksExecution*) = nullptr;
  int (*SetInput)(ANeuralNetworksExecution*, int32_t, const ANeuralNetworksOperandType*, const void*, size_t) = nullptr;
  int (*SetOutput)(ANeuralNetworksExecution*, int32_t, const ANeuralNetworksOperandType*, void*, size_t) = nullptr;
  // From Android 10 on; null before.
  int (*SetPerChannel)(ANeuralNetworksModel*, int32_t, const ANeuralNetworksSymmPerChannelQuantParams*) = nullptr;
  int (*Relax)(ANeuralNetworksModel*, bool) = nullptr;
  int (*Compute)(ANeuralNetworksExecution*) = nullptr;
  int (*BurstCreate)(ANeuralNetworksCompilation*, ANeuralNetworksBurst**) = nullptr;
  void (*BurstFree)(ANeuralNetworksBurst*) = nullptr;
  int (*BurstCompute)(ANeuralNetworksExecution*, ANeuralNetworksBurst*) = nullptr;
  int (*DeviceCount)(uint32_t*) = nullptr;
  int (*DeviceGet)(uint32_t, ANeuralNetworksDevice**) = nullptr;
  int (*DeviceName)(const ANeuralNetworksDevice*, const char**) = nullptr;
  int (*CompilationCreateForDevices)(ANeuralNetworksModel*, const ANeuralNetworksDevice* const*, uint32_t, ANeuralNetworksCompilation**) = nullptr;
  int (*SupportedForDevices)(const ANeuralNetworksModel*, const ANeuralNetworksDevice* const*, uint32_t, bool*) = nullptr;
};

}  // namespace octet::delegates::nnapi
