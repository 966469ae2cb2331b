// SPDX-License-Identifier: Apache-2.0
// The experimental part of TensorFlow Lite's C interface: resolvers, memory of the program's, telemetry, delegates by their old names.
#include <cstdarg>
#include <cstdlib>

#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/core/async/interop/c/types.h"
#include "tensorflow/lite/delegates/nnapi/nnapi_delegate_c_api.h"
#include "tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

std::vector<std::byte> AddModel() {
  test::Builder b;
  const TensorType type{DType::kF32, Shape{1, 4}, {}};
  const auto x = b.Input("x", type), y = b.Input("y", type);
  b.g().outputs = {b.Node("add", "sum", {x, y})};
  return *exporter::Export(b.model);
}

void Collect(void* to, const char* format, va_list args) {
  char text[500];
  vsnprintf(text, sizeof(text), format, args);
  *static_cast<std::string*>(to) += text;
}

struct Program {
  Program() : model(TfLiteModelCreate(bytes.data(), bytes.size())), options(TfLiteInterpreterOptionsCreate()) {
    TfLiteInterpreterOptionsSetErrorReporter(options, Collect, &messages);
  }
  ~Program() {
    TfLiteInterpreterDelete(it);
    TfLiteInterpreterOptionsDelete(options);
    TfLiteModelDelete(model);
  }
  bool Create() {
    it = TfLiteInterpreterCreate(model, options);
    return it && TfLiteInterpreterAllocateTensors(it) == kTfLiteOk;
  }
  float Run() {
    const float x[4] = {1, 2, 3, 4}, y[4] = {10, 20, 30, 40};
    float sum[4] = {};
    EXPECT_EQ(TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(it, 0), x, sizeof(x)), kTfLiteOk);
    EXPECT_EQ(TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(it, 1), y, sizeof(y)), kTfLiteOk);
    EXPECT_EQ(TfLiteInterpreterInvoke(it), kTfLiteOk);
    EXPECT_EQ(TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(it, 0), sum, sizeof(sum)), kTfLiteOk);
    return sum[3];
  }
  bool Says(const char* part) const { return messages.find(part) != std::string::npos; }
  const std::vector<std::byte> bytes = AddModel();
  std::string messages;
  TfLiteModel* model;
  TfLiteInterpreterOptions* options;
  TfLiteInterpreter* it = nullptr;
};

TEST(TfLiteExperimental, TensorsLieInTheProgramsMemory) {
  Program p;
  ASSERT_TRUE(p.Create());
  alignas(64) float memory[3][16] = {};
  const auto set = [&](int tensor, void* data, size_t bytes, int64_t flags = kTfLiteCustomAllocationFlagsNone) {
    const TfLiteCustomAllocation allocation = {data, bytes};
    return TfLiteInterpreterSetCustomAllocationForTensor(p.it, tensor, &allocation, flags);
  };
  const int x = TfLiteInterpreterGetInputTensorIndex(p.it, 0), y = TfLiteInterpreterGetInputTensorIndex(p.it, 1),
            sum = TfLiteInterpreterGetOutputTensorIndex(p.it, 0);
  ASSERT_EQ(set(x, memory[0], 16), kTfLiteOk);
  ASSERT_EQ(set(y, memory[1] + 1, 16, kTfLiteCustomAllocationFlagsSkipAlignCheck), kTfLiteOk);
  ASSERT_EQ(set(sum, memory[2], 64), kTfLiteOk);
  ASSERT_EQ(TfLiteInterpreterAllocateTensors(p.it), kTfLiteOk) << p.messages;
  EXPECT_EQ(TfLiteTensorData(TfLiteInterpreterGetOutputTensor(p.it, 0)), memory[2]);
  EXPECT_EQ(TfLiteInterpreterGetOutputTensor(p.it, 0)->allocation_type, kTfLiteCustom);
  EXPECT_EQ(p.Run(), 44);
  EXPECT_EQ(memory[0][3], 4);
  EXPECT_EQ(memory[1][4], 40);
  EXPECT_EQ(memory[2][0], 11);

  EXPECT_EQ(TfLiteInterpreterSetCustomAllocationForTensor(p.it, x, nullptr, 0), kTfLiteError);
  EXPECT_EQ(set(x, memory[0] + 1, 16), kTfLiteError);
  EXPECT_TRUE(p.Says("multiple of 64")) << p.messages;
  EXPECT_EQ(set(x, reinterpret_cast<char*>(memory[0]) + 1, 16, kTfLiteCustomAllocationFlagsSkipAlignCheck), kTfLiteError);
  EXPECT_EQ(set(99, memory[0], 16), kTfLiteError);
}

TEST(TfLiteExperimental, MemoryThatIsTooSmallIsFoundWhenTensorsAreAllocated) {
  Program p;
  p.it = TfLiteInterpreterCreate(p.model, p.options);
  ASSERT_NE(p.it, nullptr);
  alignas(64) float memory[4];
  const TfLiteCustomAllocation allocation = {memory, 12};
  EXPECT_EQ(TfLiteInterpreterSetCustomAllocationForTensor(p.it, TfLiteInterpreterGetInputTensorIndex(p.it, 0), &allocation, 0), kTfLiteOk);
  EXPECT_EQ(TfLiteInterpreterAllocateTensors(p.it), kTfLiteError);
  EXPECT_TRUE(p.Says("'x' needs 16 bytes, found 12")) << p.messages;
  EXPECT_EQ(TfLiteInterpreterInvoke(p.it), kTfLiteError);
}

TEST(TfLiteExperimental, BufferHandlesAreNotThereAndItSaysSo) {
  Program p;
  ASSERT_TRUE(p.Create());
  TfLiteBufferHandle handle = 7;
  TfLiteOpaqueDelegate* delegate = reinterpret_cast<TfLiteOpaqueDelegate*>(&p);
  EXPECT_EQ(TfLiteInterpreterGetBufferHandle(p.it, 0, &handle, &delegate), kTfLiteOk);
  EXPECT_EQ(handle, kTfLiteNullBufferHandle);
  EXPECT_EQ(delegate, nullptr);
  EXPECT_EQ(TfLiteInterpreterGetBufferHandle(p.it, 99, &handle, &delegate), kTfLiteError);
  EXPECT_EQ(TfLiteInterpreterSetBufferHandle(p.it, TfLiteInterpreterGetInputTensor(p.it, 0), 1, nullptr), kTfLiteError);
  EXPECT_TRUE(p.Says("processor's memory")) << p.messages;
}

TfLiteRegistration OctetsAdd() {
  TfLiteRegistration r = {};
  r.builtin_code = kTfLiteBuiltinAdd;
  return r;
}

TEST(TfLiteExperimental, SelectedOperatorsAreTheOnlyOnes) {
  Program p;
  p.it = TfLiteInterpreterCreateWithSelectedOps(p.model, p.options);
  EXPECT_EQ(p.it, nullptr);
  EXPECT_TRUE(p.Says("Didn't find op for builtin opcode 'ADD'")) << p.messages;
  const TfLiteRegistration add = OctetsAdd();
  TfLiteInterpreterOptionsAddBuiltinOp(p.options, kTfLiteBuiltinAdd, &add, 1, 3);
  p.it = TfLiteInterpreterCreateWithSelectedOps(p.model, p.options);
  ASSERT_NE(p.it, nullptr) << p.messages;
  ASSERT_EQ(TfLiteInterpreterAllocateTensors(p.it), kTfLiteOk);
  EXPECT_EQ(p.Run(), 44);
}

TEST(TfLiteExperimental, AKernelOfTheProgramsForABuiltinOperatorIsRefusedWhereTheModelNeedsIt) {
  TfLiteRegistration own = OctetsAdd();
  own.invoke = [](TfLiteContext*, TfLiteNode*) { return kTfLiteOk; };
  Program p, other;
  TfLiteInterpreterOptionsAddBuiltinOp(p.options, kTfLiteBuiltinAdd, &own, 1, 9);
  EXPECT_FALSE(p.Create());
  EXPECT_TRUE(p.Says("octet runs its own builtin operators")) << p.messages;
  TfLiteInterpreterOptionsAddBuiltinOp(other.options, kTfLiteBuiltinMul, &own, 1, 9);
  EXPECT_TRUE(other.Create()) << other.messages;
}

// What resolvers are asked for, in each of the forms that programs know.
struct Asked {
  TfLiteRegistration add = OctetsAdd();
  TfLiteOperator* op = TfLiteOperatorCreate(kTfLiteBuiltinAdd, nullptr, 1, nullptr);
  int times = 0;
  ~Asked() { TfLiteOperatorDelete(op); }
};
template <class T>
const T* FindBuiltin(void* asked, TfLiteBuiltinOperator op, int) {
  auto* a = static_cast<Asked*>(asked);
  ++a->times;
  return op == kTfLiteBuiltinAdd ? reinterpret_cast<const T*>(&a->add) : nullptr;
}
const TfLiteOperator* FindOperator(void* asked, int op, int) {
  auto* a = static_cast<Asked*>(asked);
  ++a->times;
  return op == kTfLiteBuiltinAdd ? a->op : nullptr;
}
template <class T>
const T* FindNothing(void*, TfLiteBuiltinOperator, int) { return nullptr; }

TEST(TfLiteExperimental, ResolversAreAskedInEveryForm) {
  Asked asked;
  const std::vector<std::function<void(TfLiteInterpreterOptions*)>> forms = {
      [&](auto* o) { TfLiteInterpreterOptionsSetOpResolver(o, FindBuiltin<TfLiteRegistration>, nullptr, &asked); },
      [&](auto* o) { TfLiteInterpreterOptionsSetOpResolverV1(o, FindBuiltin<TfLiteRegistration_V1>, nullptr, &asked); },
      [&](auto* o) { TfLiteInterpreterOptionsSetOpResolverV2(o, FindBuiltin<TfLiteRegistration_V2>, nullptr, &asked); },
      [&](auto* o) { TfLiteInterpreterOptionsSetOpResolverV3(o, FindBuiltin<TfLiteRegistration_V3>, nullptr, &asked); },
      [&](auto* o) { TfLiteInterpreterOptionsSetOpResolverExternal(o, FindOperator, nullptr, &asked); },
      [&](auto* o) { TfLiteInterpreterOptionsSetOpResolverExternalWithFallback(o, FindOperator, nullptr, FindBuiltin<TfLiteRegistration>, nullptr, &asked); },
  };
  for (size_t i = 0; i < forms.size(); ++i) {
    Program p;
    asked.times = 0;
    forms[i](p.options);
    ASSERT_TRUE(p.Create()) << i << p.messages;
    EXPECT_GE(asked.times, 1) << i;
    EXPECT_EQ(p.Run(), 44) << i;
  }
  Program p;
  TfLiteInterpreterOptionsSetOpResolver(p.options, FindNothing<TfLiteRegistration>, nullptr, nullptr);
  EXPECT_FALSE(p.Create());
  EXPECT_TRUE(p.Says("'ADD'")) << p.messages;
  TfLiteInterpreterOptionsSetOpResolver(p.options, nullptr, nullptr, nullptr);  // Taken back.
  EXPECT_TRUE(p.Create());
}

struct Told {
  std::vector<std::string> events, begun;
  int ended = 0;
  size_t subgraphs = 0, tensors = 0;
};
Told& Of(TfLiteTelemetryProfilerStruct* p) { return *static_cast<Told*>(p->data); }

TEST(TfLiteExperimental, TelemetryIsToldOfTheModelTheOperatorsAndTheRuns) {
  Told told;
  TfLiteTelemetryProfilerStruct profiler = {};
  profiler.data = &told;
  profiler.ReportTelemetryEvent = [](TfLiteTelemetryProfilerStruct* p, const char* name, uint64_t status) {
    Of(p).events.push_back(name + std::string(" ") + std::to_string(status));
  };
  profiler.ReportSettings = [](TfLiteTelemetryProfilerStruct* p, const char*, const TfLiteTelemetrySettings* settings) {
    ASSERT_EQ(settings->source, 1u);
    const auto* s = static_cast<const TfLiteTelemetryInterpreterSettings*>(settings->data);
    Of(p).subgraphs = TfLiteTelemetryInterpreterSettingsGetNumSubgraphInfo(s);
    auto* info = const_cast<TfLiteTelemetrySubgraphInfo*>(TfLiteTelemetryInterpreterSettingsGetSubgraphInfo(s));
    Of(p).tensors = TfLiteTelemetrySubgraphInfoGetNumQuantizations(info);
    EXPECT_EQ(TfLiteTelemetrySubgraphInfoGetQuantizations(info)->type, kTfLiteNoQuantization);
    EXPECT_EQ(TfLiteTelemetryInterpreterSettingsGetConversionMetadata(s), nullptr);  // octet's exporter writes none.
  };
  profiler.ReportBeginOpInvokeEvent = [](TfLiteTelemetryProfilerStruct* p, const char* name, int64_t op, int64_t) {
    return Of(p).begun.push_back(name), static_cast<uint32_t>(op + 5);
  };
  profiler.ReportEndOpInvokeEvent = [](TfLiteTelemetryProfilerStruct* p, uint32_t handle) { Of(p).ended += handle == 5; };
  Program p;
  TfLiteInterpreterOptionsSetTelemetryProfiler(p.options, &profiler);
  ASSERT_TRUE(p.Create());
  EXPECT_EQ(p.Run(), 44);
  EXPECT_EQ(told.subgraphs, 1u);
  EXPECT_EQ(told.tensors, 3u);
  EXPECT_EQ(told.begun, std::vector<std::string>{"ADD"});
  EXPECT_EQ(told.ended, 1);
  EXPECT_EQ(told.events, std::vector<std::string>{"Invoke " + std::to_string(1ull << 32)});
  EXPECT_EQ(TfLiteTelemetryConversionMetadataGetNumModelOptimizationModes(nullptr), 0u);
  EXPECT_EQ(TfLiteTelemetryConversionMetadataGetModelOptimizationModes(nullptr), nullptr);
  EXPECT_EQ(TfLiteTelemetryGpuDelegateSettingsGetBackend(nullptr), 0);
  EXPECT_EQ(TfLiteTelemetryGpuDelegateSettingsGetNumNodesDelegated(nullptr), 0u);
}

TEST(TfLiteExperimental, XnnpacksNameStandsForOctetsKernels) {
  TfLiteXNNPackDelegateOptions options = TfLiteXNNPackDelegateOptionsDefault();
  EXPECT_EQ(options.flags, 3u);
  options.num_threads = 2;
  options.weights_cache = TfLiteXNNPackDelegateWeightsCacheCreateWithSize(1 << 20);
  TfLiteDelegate* delegate = TfLiteXNNPackDelegateCreate(&options);
  ASSERT_NE(delegate, nullptr);
  EXPECT_EQ(TfLiteXNNPackDelegateGetFlags(delegate), 3);
  EXPECT_EQ(TfLiteXNNPackDelegateGetOptions(delegate)->num_threads, 2);
  EXPECT_EQ(TfLiteXNNPackDelegateGetOptions(nullptr), nullptr);
  EXPECT_EQ(TfLiteXNNPackDelegateGetThreadPool(delegate), nullptr);
  {
    Program p;
    TfLiteInterpreterOptionsAddDelegate(p.options, delegate);
    ASSERT_TRUE(p.Create());
    EXPECT_EQ(p.Run(), 44);
    EXPECT_EQ(TfLiteInterpreterModifyGraphWithDelegate(p.it, delegate), kTfLiteOk);
    EXPECT_EQ(p.Run(), 44);
    EXPECT_TRUE(p.messages.empty()) << p.messages;
  }
  EXPECT_TRUE(TfLiteXNNPackDelegateWeightsCacheFinalizeSoft(options.weights_cache));
  EXPECT_TRUE(TfLiteXNNPackDelegateWeightsCacheFinalizeHard(options.weights_cache));
  EXPECT_FALSE(TfLiteXNNPackDelegateWeightsCacheFinalizeHard(options.weights_cache));
  EXPECT_FALSE(TfLiteXNNPackDelegateWeightsCacheFinalizeSoft(nullptr));
  EXPECT_EQ(TfLiteXNNPackDelegateCreate(&options), nullptr);  // Hard-finalized.
  TfLiteXNNPackDelegateWeightsCacheDelete(options.weights_cache);
  EXPECT_EQ(TfLiteXNNPackDelegateCreate(&options), nullptr);  // Gone.
  TfLiteXNNPackDelegateDelete(delegate);
  EXPECT_EQ(TfLiteXNNPackDelegateGetOptions(delegate), nullptr);
  TfLiteXNNPackDelegateDelete(nullptr);
}

TEST(TfLiteExperimental, XnnpackOptionsThatCannotBeAreRefused) {
  TfLiteXNNPackDelegateOptions options = TfLiteXNNPackDelegateOptionsDefault();
  options.experimental_weight_cache_file_path = "/tmp/weights";
  EXPECT_EQ(TfLiteXNNPackDelegateCreate(&options), nullptr);
  options = TfLiteXNNPackDelegateOptionsDefault();
  options.flags |= TFLITE_XNNPACK_DELEGATE_FLAG_FORCE_FP16;
  EXPECT_EQ(TfLiteXNNPackDelegateCreate(&options), nullptr);
  // The form of later versions: flags lie where the cache is here.
  options = TfLiteXNNPackDelegateOptionsDefault();
  options.weights_cache =
      reinterpret_cast<TfLiteXNNPackDelegateWeightsCache*>(TFLITE_XNNPACK_DELEGATE_FLAG_QS8 | TFLITE_XNNPACK_DELEGATE_FLAG_DYNAMIC_FULLY_CONNECTED);
  TfLiteDelegate* delegate = TfLiteXNNPackDelegateCreateWithThreadpool(&options, nullptr);
  EXPECT_NE(delegate, nullptr);
  TfLiteXNNPackDelegateDelete(delegate);
  EXPECT_NE(delegate = TfLiteXNNPackDelegateCreate(nullptr), nullptr);
  TfLiteXNNPackDelegateDelete(delegate);
}

// Where a stand-in for NNAPI is (tests/delegates/nnapi_standin.c is not under the system's name), it is missing, and that is said.
TEST(TfLiteExperimental, NnapiThatIsMissingIsSaidAndTheModelRuns) {
  TfLiteNnapiDelegateOptions options = TfLiteNnapiDelegateOptionsDefault();
  EXPECT_EQ(options.execution_preference, TfLiteNnapiDelegateOptions::kUndefined);
  EXPECT_EQ(options.disallow_nnapi_cpu, 1);
  EXPECT_EQ(options.max_number_delegated_partitions, 3);
  TfLiteDelegate* delegate = TfLiteNnapiDelegateCreate(&options);
  ASSERT_NE(delegate, nullptr);
  {
    Program p, by_option;
    TfLiteInterpreterOptionsAddDelegate(p.options, delegate);
    ASSERT_TRUE(p.Create());
    EXPECT_EQ(p.Run(), 44);
    EXPECT_TRUE(p.Says("NNAPI")) << p.messages;
    TfLiteInterpreterOptionsSetUseNNAPI(by_option.options, true);
    ASSERT_TRUE(by_option.Create());
    EXPECT_TRUE(by_option.Says("NNAPI")) << by_option.messages;
  }
  TfLiteNnapiDelegateDelete(delegate);
  options.cache_dir = "/tmp";
  EXPECT_EQ(TfLiteNnapiDelegateCreate(&options), nullptr);
  Program off;
  TfLiteInterpreterOptionsSetUseNNAPI(off.options, true);
  TfLiteInterpreterOptionsSetUseNNAPI(off.options, false);
  ASSERT_TRUE(off.Create());
  EXPECT_TRUE(off.messages.empty()) << off.messages;
}

TEST(TfLiteExperimental, HandlesCarryWhatTheyAreGiven) {
  int object = 0;
  TfLiteBackendBuffer* buffer = TfLiteBackendBufferCreate();
  EXPECT_EQ(TfLiteBackendBufferGetPtr(buffer), nullptr);
  TfLiteBackendBufferSetPtr(buffer, &object);
  EXPECT_EQ(TfLiteBackendBufferGetPtr(buffer), &object);
  TfLiteBackendBufferDelete(buffer);
  TfLiteSynchronization* fence = TfLiteSynchronizationCreate();
  TfLiteSynchronizationSetPtr(fence, &object);
  EXPECT_EQ(TfLiteSynchronizationGetPtr(fence), &object);
  TfLiteSynchronizationDelete(fence);
}

}  // namespace
}  // namespace octet
