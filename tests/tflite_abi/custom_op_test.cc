// SPDX-License-Identifier: Apache-2.0
// Operators that a program brings in TensorFlow Lite's forms.
#include <cstdarg>

#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/c/c_api_opaque.h"
#include "tests/model_builder.h"
#include "tflite_abi/registration.h"

namespace octet {
namespace {

int g_alive = 0;  // States that init made and free has not seen.

void* Init(TfLiteContext*, const char*, size_t) { return ++g_alive, &g_alive; }
void Free(TfLiteContext*, void*) { --g_alive; }

// What a kernel's context lacks refuses.
void AskForMore(TfLiteContext* context) {
  const char* text = nullptr;
  size_t bytes = 0;
  TfLiteContext* other = nullptr;
  TfLiteIntArray* plan = nullptr;
  TfLiteDelegateParams* parts = nullptr;
  int count = 0;
  EXPECT_EQ(context->GetModelMetadata(context, "min_runtime_version", &text, &bytes), kTfLiteError);
  EXPECT_EQ(context->AcquireSubgraphContext(context, 1, &other), kTfLiteError);
  EXPECT_EQ(context->ReleaseSubgraphContext(context, 1), kTfLiteError);
  EXPECT_EQ(context->GetExecutionPlan(context, &plan), kTfLiteError);
  EXPECT_EQ(context->PreviewDelegatePartitioning(context, nullptr, &parts, &count), kTfLiteError);
  EXPECT_EQ(context->ReplaceNodeSubsetsWithDelegateKernels(context, {}, nullptr, nullptr), kTfLiteError);
  EXPECT_EQ(context->GetEvalTensor(context, 0), nullptr);
  EXPECT_EQ(context->GetExternalContext(context, kTfLiteEigenContext), nullptr);
}

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  AskForMore(context);
  const TfLiteTensor& x = context->tensors[node->inputs->data[0]];
  TF_LITE_ENSURE_EQ(context, node->user_data == &g_alive, true);
  if (x.dims->size == 1) {
    TF_LITE_KERNEL_LOG(context, "vectors are not welcome");
    return kTfLiteError;
  }
  return context->ResizeTensor(context, &context->tensors[node->outputs->data[0]], TfLiteIntArrayCopy(x.dims));
}

TfLiteStatus Twice(TfLiteContext* context, TfLiteNode* node) {
  const TfLiteTensor& x = context->tensors[node->inputs->data[0]];
  TfLiteTensor& y = context->tensors[node->outputs->data[0]];
  for (size_t i = 0; i < x.bytes / sizeof(float); ++i) y.data.f[i] = 2 * x.data.f[i];
  return kTfLiteOk;
}

TfLiteRegistration Registration() {
  TfLiteRegistration r = {};
  r.init = Init;
  r.free = Free;
  r.prepare = Prepare;
  r.invoke = Twice;
  r.version = 1;
  return r;
}

// A model of one node of the custom operator `name`.
std::vector<std::byte> ModelOf(const char* name, const Shape& shape) {
  EXPECT_TRUE(tflite_abi::RegisterOps({{name, Registration()}}).ok());
  test::Builder b;
  const TensorType type{DType::kF32, shape, {}};
  const auto x = b.Input("x", type), y = b.g().AddTensor("y", type);
  const ops::OpDef& def = *ops::Find(ops::BuiltinCode::kCustom, name);
  b.g().AddNode(def, graph::Attributes(def.attrs), {x}, {y}, "y");
  b.g().outputs = {y};
  return *exporter::Export(b.model);
}

float RunOne(TfLiteInterpreter* it) {
  const float in[4] = {1, 2, 3, 4};
  float out[4] = {};
  EXPECT_EQ(TfLiteTensorCopyFromBuffer(TfLiteInterpreterGetInputTensor(it, 0), in, sizeof(in)), kTfLiteOk);
  EXPECT_EQ(TfLiteInterpreterInvoke(it), kTfLiteOk);
  EXPECT_EQ(TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(it, 0), out, sizeof(out)), kTfLiteOk);
  return out[3];
}

TEST(TfLiteCustomOp, ARegistrationRunsAndIsFreed) {
  const std::vector<std::byte> bytes = ModelOf("Twice", Shape{2, 2});
  TfLiteModel* model = TfLiteModelCreate(bytes.data(), bytes.size());
  TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
  const TfLiteRegistration registration = Registration();
  TfLiteInterpreterOptionsAddCustomOp(options, "Twice", &registration, 1, 1);
  TfLiteInterpreter* it = TfLiteInterpreterCreate(model, options);
  TfLiteInterpreterOptionsDelete(options);
  TfLiteModelDelete(model);
  ASSERT_NE(it, nullptr);
  ASSERT_EQ(TfLiteInterpreterAllocateTensors(it), kTfLiteOk);
  EXPECT_EQ(g_alive, 1);
  EXPECT_EQ(RunOne(it), 8.0f);
  TfLiteInterpreterDelete(it);
  EXPECT_EQ(g_alive, 0);
}

TEST(TfLiteCustomOp, WhatPrepareSaysReachesTheUserWithTheOperatorsName) {
  std::vector<std::byte> bytes = ModelOf("Welcome", Shape{2, 2});
  bytes = ModelOf("Welcome", Shape{2, 2});  // Registered again: the name stays.
  TfLiteModel* model = TfLiteModelCreate(bytes.data(), bytes.size());
  TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
  std::string messages;
  TfLiteInterpreterOptionsSetErrorReporter(
      options,
      [](void* to, const char* format, va_list args) {
        char text[300];
        vsnprintf(text, sizeof(text), format, args);
        *static_cast<std::string*>(to) += text;
      },
      &messages);
  TfLiteInterpreter* it = TfLiteInterpreterCreate(model, options);
  const int dims[1] = {4};
  EXPECT_EQ(TfLiteInterpreterResizeInputTensor(it, 0, dims, 1), kTfLiteOk);
  EXPECT_NE(TfLiteInterpreterAllocateTensors(it), kTfLiteOk);
  EXPECT_NE(messages.find("vectors are not welcome"), std::string::npos) << messages;
  EXPECT_NE(messages.find("Welcome"), std::string::npos) << messages;
  TfLiteInterpreterDelete(it);
  TfLiteInterpreterOptionsDelete(options);
  TfLiteModelDelete(model);
  EXPECT_EQ(g_alive, 0);
}

TfLiteStatus PrepareOpaque(void*, TfLiteOpaqueContext* context, TfLiteOpaqueNode* node) {
  const TfLiteOpaqueTensor* x = TfLiteOpaqueNodeGetInput(context, node, 0);
  TfLiteIntArray* dims = TfLiteIntArrayCreate(TfLiteOpaqueTensorNumDims(x));
  for (int i = 0; i < dims->size; ++i) dims->data[i] = TfLiteOpaqueTensorDim(x, i);
  return TfLiteOpaqueContextResizeTensor(context, TfLiteOpaqueNodeGetOutput(context, node, 0), dims);
}
TfLiteStatus InvokeOpaque(void* factor, TfLiteOpaqueContext* context, TfLiteOpaqueNode* node) {
  const TfLiteOpaqueTensor* x = TfLiteOpaqueNodeGetInput(context, node, 0);
  auto* y = static_cast<float*>(TfLiteOpaqueTensorData(TfLiteOpaqueNodeGetOutput(context, node, 0)));
  for (size_t i = 0; i < TfLiteOpaqueTensorByteSize(x) / sizeof(float); ++i)
    y[i] = *static_cast<float*>(factor) * static_cast<const float*>(TfLiteOpaqueTensorData(x))[i];
  return kTfLiteOk;
}

// The model's answer with an operator that `add` makes known.
void ExpectOne(const std::vector<std::byte>& bytes, void (*add)(TfLiteInterpreterOptions*, TfLiteOperator*), TfLiteOperator* op, float expected) {
  TfLiteModel* model = TfLiteModelCreate(bytes.data(), bytes.size());
  TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
  add(options, op);
  TfLiteInterpreter* it = TfLiteInterpreterCreate(model, options);
  ASSERT_NE(it, nullptr);
  ASSERT_EQ(TfLiteInterpreterAllocateTensors(it), kTfLiteOk);
  EXPECT_EQ(RunOne(it), expected);
  TfLiteInterpreterDelete(it);
  TfLiteInterpreterOptionsDelete(options);
  TfLiteModelDelete(model);
}

TEST(TfLiteCustomOp, AnOperatorOfCallbacksRunsWithItsData) {
  const std::vector<std::byte> bytes = ModelOf("Scaled", Shape{4, 1});
  float factor = 10;
  TfLiteOperator* op = TfLiteOperatorCreate(kTfLiteBuiltinCustom, "Scaled", 1, &factor);
  TfLiteOperatorSetPrepareWithData(op, PrepareOpaque);
  TfLiteOperatorSetInvokeWithData(op, InvokeOpaque);
  EXPECT_STREQ(TfLiteOperatorGetCustomName(op), "Scaled");
  ExpectOne(bytes, TfLiteInterpreterOptionsAddOperator, op, 40.0f);
  TfLiteOperatorDelete(op);
}

// As programs built against TensorFlow Lite 2.10 to 2.16 call them.
TEST(TfLiteCustomOp, AnOperatorRunsByItsOlderNames) {
  const std::vector<std::byte> bytes = ModelOf("Doubled", Shape{4, 1});
  TfLiteRegistrationExternal* op = TfLiteRegistrationExternalCreate(kTfLiteBuiltinCustom, "Doubled", 3);
  TfLiteRegistrationExternalSetPrepare(op, [](TfLiteOpaqueContext* context, TfLiteOpaqueNode* node) { return PrepareOpaque(nullptr, context, node); });
  TfLiteRegistrationExternalSetInvoke(op, [](TfLiteOpaqueContext* context, TfLiteOpaqueNode* node) {
    float two = 2;
    return InvokeOpaque(&two, context, node);
  });
  EXPECT_STREQ(TfLiteRegistrationExternalGetCustomName(op), "Doubled");
  EXPECT_EQ(TfLiteRegistrationExternalGetVersion(op), 3);
  EXPECT_EQ(TfLiteRegistrationExternalGetBuiltInCode(op), kTfLiteBuiltinCustom);
  ExpectOne(bytes, TfLiteInterpreterOptionsAddRegistrationExternal, op, 8.0f);
  TfLiteRegistrationExternalDelete(op);
}

TEST(TfLiteCustomOp, ADelegateThatFailsLeavesTheWholeModel) {
  const std::vector<std::byte> bytes = ModelOf("Alone", Shape{2, 2});
  TfLiteModel* model = TfLiteModelCreate(bytes.data(), bytes.size());
  TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
  TfLiteDelegate delegate = TfLiteDelegateCreate();
  TfLiteInterpreterOptionsAddDelegate(options, &delegate);
  TfLiteInterpreter* it = TfLiteInterpreterCreate(model, options);
  ASSERT_NE(it, nullptr);
  EXPECT_EQ(TfLiteInterpreterAllocateTensors(it), kTfLiteOk);
  EXPECT_EQ(TfLiteInterpreterInvoke(it), kTfLiteOk);
  TfLiteInterpreterDelete(it);
  TfLiteInterpreterOptionsDelete(options);
  TfLiteModelDelete(model);
}

TEST(TfLiteOpaque, StringsGoInAndComeOut) {
  TfLiteTensor t = {};
  t.type = kTfLiteString;
  auto* opaque = reinterpret_cast<TfLiteOpaqueTensor*>(&t);
  EXPECT_EQ(TfLiteOpaqueTensorGetStringCount(opaque), -1);
  const char* const words[] = {"ab", "", "cde"};
  const int lengths[] = {2, 0, 3};
  ASSERT_EQ(TfLiteOpaqueTensorWriteStrings(opaque, words, 3, lengths), kTfLiteOk);
  ASSERT_EQ(TfLiteOpaqueTensorGetStringCount(opaque), 3);
  const char* text;
  int length;
  ASSERT_EQ(TfLiteOpaqueTensorGetString(opaque, 2, &text, &length), kTfLiteOk);
  EXPECT_EQ(std::string(text, static_cast<size_t>(length)), "cde");
  EXPECT_EQ(TfLiteOpaqueTensorGetString(opaque, 3, &text, &length), kTfLiteError);
  EXPECT_EQ(t.dims->data[0], 3);
  TfLiteTensorFree(&t);
}

}  // namespace
}  // namespace octet
