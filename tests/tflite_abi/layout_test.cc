// SPDX-License-Identifier: Apache-2.0
// Sizes and offsets of TensorFlow Lite's structures on LP64, as its own headers give them: what a program or
// delegate compiled against the original sees.
#include <gtest/gtest.h>

#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/c/common.h"

namespace {

static_assert(sizeof(void*) == 8, "the numbers below are those of LP64");

static_assert(sizeof(TfLiteTensor) == 112 && offsetof(TfLiteTensor, type) == 0 && offsetof(TfLiteTensor, data) == 8 && offsetof(TfLiteTensor, dims) == 16);
static_assert(offsetof(TfLiteTensor, params) == 24 && offsetof(TfLiteTensor, allocation_type) == 32 && offsetof(TfLiteTensor, bytes) == 40);
static_assert(offsetof(TfLiteTensor, allocation) == 48 && offsetof(TfLiteTensor, name) == 56 && offsetof(TfLiteTensor, delegate) == 64);
static_assert(offsetof(TfLiteTensor, buffer_handle) == 72 && offsetof(TfLiteTensor, data_is_stale) == 76 && offsetof(TfLiteTensor, is_variable) == 77);
static_assert(offsetof(TfLiteTensor, quantization) == 80 && offsetof(TfLiteTensor, sparsity) == 96 && offsetof(TfLiteTensor, dims_signature) == 104);

static_assert(sizeof(TfLiteNode) == 80 && offsetof(TfLiteNode, inputs) == 0 && offsetof(TfLiteNode, outputs) == 8 && offsetof(TfLiteNode, intermediates) == 16);
static_assert(offsetof(TfLiteNode, temporaries) == 24 && offsetof(TfLiteNode, user_data) == 32 && offsetof(TfLiteNode, builtin_data) == 40);
static_assert(offsetof(TfLiteNode, custom_initial_data) == 48 && offsetof(TfLiteNode, custom_initial_data_size) == 56 && offsetof(TfLiteNode, delegate) == 64);
static_assert(offsetof(TfLiteNode, might_have_side_effect) == 72);

static_assert(sizeof(TfLiteContext) == 200 && offsetof(TfLiteContext, GetExecutionPlan) == 8 && offsetof(TfLiteContext, tensors) == 16);
static_assert(offsetof(TfLiteContext, impl_) == 24 && offsetof(TfLiteContext, ResizeTensor) == 32 && offsetof(TfLiteContext, ReportError) == 40);
static_assert(offsetof(TfLiteContext, AddTensors) == 48 && offsetof(TfLiteContext, GetNodeAndRegistration) == 56);
static_assert(offsetof(TfLiteContext, ReplaceNodeSubsetsWithDelegateKernels) == 64 && offsetof(TfLiteContext, recommended_num_threads) == 72);
static_assert(offsetof(TfLiteContext, GetExternalContext) == 80 && offsetof(TfLiteContext, SetExternalContext) == 88);
static_assert(offsetof(TfLiteContext, allow_fp32_relax_to_fp16) == 96 && offsetof(TfLiteContext, profiler) == 104);
static_assert(offsetof(TfLiteContext, AllocatePersistentBuffer) == 112 && offsetof(TfLiteContext, PreviewDelegatePartitioning) == 152);

static_assert(sizeof(TfLiteRegistration) == 88 && offsetof(TfLiteRegistration, init) == 0 && offsetof(TfLiteRegistration, free) == 8);
static_assert(offsetof(TfLiteRegistration, prepare) == 16 && offsetof(TfLiteRegistration, invoke) == 24 && offsetof(TfLiteRegistration, profiling_string) == 32);
static_assert(offsetof(TfLiteRegistration, builtin_code) == 40 && offsetof(TfLiteRegistration, custom_name) == 48 && offsetof(TfLiteRegistration, version) == 56);
static_assert(offsetof(TfLiteRegistration, registration_external) == 64 && offsetof(TfLiteRegistration, async_kernel) == 72);
static_assert(offsetof(TfLiteRegistration, inplace_operator) == 80);
static_assert(sizeof(TfLiteRegistration_V1) == 64 && sizeof(TfLiteRegistration_V2) == 72 && sizeof(TfLiteRegistration_V3) == 80);

static_assert(sizeof(TfLiteDelegate) == 56 && offsetof(TfLiteDelegate, data_) == 0 && offsetof(TfLiteDelegate, Prepare) == 8);
static_assert(offsetof(TfLiteDelegate, CopyFromBufferHandle) == 16 && offsetof(TfLiteDelegate, CopyToBufferHandle) == 24);
static_assert(offsetof(TfLiteDelegate, FreeBufferHandle) == 32 && offsetof(TfLiteDelegate, flags) == 40 && offsetof(TfLiteDelegate, opaque_delegate_builder) == 48);
static_assert(sizeof(TfLiteOpaqueDelegateBuilder) == 48 && sizeof(TfLiteDelegateParams) == 32 && sizeof(TfLiteQuantization) == 16);
static_assert(sizeof(TfLiteAffineQuantization) == 24 && sizeof(TfLiteSparsity) == 32 && sizeof(TfLiteCustomAllocation) == 16);
static_assert(sizeof(TfLiteQuantizationParams) == 8 && sizeof(TfLiteIntArray) == 4 && sizeof(TfLiteFloatArray) == 4);

static_assert(kTfLiteBuiltinConv2d == 3 && kTfLiteBuiltinCustom == 32 && kTfLiteBuiltinStablehloCase == 209);
static_assert(kTfLiteFloat16 == 10 && kTfLiteInt4 == 18 && kTfLiteFloat8E5M2 == 23 && kTfLiteUnresolvedOps == 7);

TEST(TfLiteAbi, ArraysCompareAndCopy) {
  TfLiteIntArray* a = TfLiteIntArrayCreate(3);
  const int values[] = {4, 5, 6};
  for (int i = 0; i < 3; ++i) a->data[i] = values[i];
  TfLiteIntArray* b = TfLiteIntArrayCopy(a);
  EXPECT_TRUE(TfLiteIntArrayEqual(a, b));
  EXPECT_TRUE(TfLiteIntArrayEqualsArray(a, 3, values));
  b->data[2] = 7;
  EXPECT_FALSE(TfLiteIntArrayEqual(a, b));
  EXPECT_FALSE(TfLiteIntArrayEqual(a, nullptr));
  EXPECT_EQ(TfLiteIntArrayGetSizeInBytes(3), 16u);
  TfLiteIntArrayFree(a);
  TfLiteIntArrayFree(b);
}

TEST(TfLiteAbi, OnlyDynamicTensorsOwnTheirMemory) {
  TfLiteTensor t = {};
  t.allocation_type = kTfLiteArenaRw;
  EXPECT_EQ(TfLiteTensorRealloc(64, &t), kTfLiteOk);
  EXPECT_EQ(t.data.data, nullptr);
  t.allocation_type = kTfLiteDynamic;
  EXPECT_EQ(TfLiteTensorRealloc(64, &t), kTfLiteOk);
  t.data.raw[63] = 5;
  EXPECT_EQ(TfLiteTensorRealloc(128, &t), kTfLiteOk);
  EXPECT_EQ(t.data.raw[63], 5);
  EXPECT_EQ(t.bytes, 128u);
  TfLiteTensorFree(&t);
  EXPECT_EQ(t.data.data, nullptr);
}

TEST(TfLiteAbi, TypesHaveNames) {
  EXPECT_STREQ(TfLiteTypeGetName(kTfLiteInt8), "INT8");
  EXPECT_STREQ(TfLiteTypeGetName(static_cast<TfLiteType>(99)), "Unknown type");
}

}  // namespace
