// SPDX-License-Identifier: Apache-2.0
#include "octet/octet.h"

#include "tests/model_builder.h"

namespace octet {
namespace {

std::vector<std::byte> AddModel() {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{kUnknown, 4}, {}}), y = b.Input("y", {DType::kF32, Shape{1, 4}, {}});
  b.g().outputs = {b.Node("add", "sum", {x, y})};
  b.model.signatures = {{"serve", {{"left", x}, {"right", y}}, {{"total", b.g().outputs[0]}}, 0}};
  return *exporter::Export(b.model);
}

TEST(CApi, RunsAModel) {
  const std::vector<std::byte> bytes = AddModel();
  OctetError e;
  OctetModel* model = octet_model_from_bytes(bytes.data(), bytes.size(), &e);
  ASSERT_NE(model, nullptr) << e.text;
  OctetInterpreter* it = octet_interpreter_create(model, nullptr, &e);
  octet_model_close(model);  // The interpreter keeps what it needs.
  ASSERT_NE(it, nullptr) << e.text;
  ASSERT_EQ(octet_allocate(it, &e), OCTET_OK) << e.text;
  OctetTensor t;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(octet_input(it, i, &t), OCTET_OK);
    ASSERT_EQ(t.bytes, 16u);
    for (int k = 0; k < 4; ++k) static_cast<float*>(t.data)[k] = static_cast<float>(k + i);
  }
  ASSERT_EQ(octet_invoke(it, &e), OCTET_OK) << e.text;
  ASSERT_EQ(octet_output(it, 0, &t), OCTET_OK);
  EXPECT_STREQ(t.name, "sum");
  EXPECT_EQ(static_cast<float*>(t.data)[3], 7.0f);
  EXPECT_EQ(octet_is_static(it), 1);
  OctetNode node;
  ASSERT_EQ(octet_node(it, 0, &node), OCTET_OK);
  EXPECT_STREQ(node.op, "add");
  octet_interpreter_close(it);
}

TEST(CApi, EndsLieInTheCallersMemory) {
  const std::vector<std::byte> bytes = AddModel();
  OctetModel* model = octet_model_from_bytes(bytes.data(), bytes.size(), nullptr);
  OctetInterpreter* it = octet_interpreter_create(model, nullptr, nullptr);
  octet_model_close(model);
  OctetError e;
  float x[4] = {1, 2, 3, 4}, y[5] = {0, 10, 20, 30, 40}, sum[4] = {};
  EXPECT_EQ(octet_bind_input(it, 0, x, sizeof(x), &e), OCTET_INVALID_ARGUMENT);  // Not allocated.
  ASSERT_EQ(octet_allocate(it, &e), OCTET_OK);
  ASSERT_EQ(octet_bind_input(it, 0, x, sizeof(x), &e), OCTET_OK) << e.text;
  ASSERT_EQ(octet_bind_input(it, 1, y + 1, 16, &e), OCTET_OK) << e.text;  // At any multiple of a float's size.
  ASSERT_EQ(octet_bind_output(it, 0, sum, sizeof(sum), &e), OCTET_OK) << e.text;
  ASSERT_EQ(octet_invoke(it, &e), OCTET_OK);
  EXPECT_EQ(sum[3], 44);
  ASSERT_EQ(octet_bind_output(it, 0, x, sizeof(x), &e), OCTET_OK) << e.text;  // Elsewhere.
  ASSERT_EQ(octet_bind_output(it, 0, nullptr, 0, &e), OCTET_OK);              // And in its own again.
  x[3] = 5;
  ASSERT_EQ(octet_invoke(it, &e), OCTET_OK);
  OctetTensor t;
  ASSERT_EQ(octet_output(it, 0, &t), OCTET_OK);
  EXPECT_EQ(static_cast<const float*>(t.data)[3], 45);
  EXPECT_EQ(sum[3], 44);
  EXPECT_EQ(octet_bind_input(it, 0, x, 15, &e), OCTET_INVALID_ARGUMENT);
  EXPECT_STREQ(e.text, "'x' needs 16 bytes, found 15");
  EXPECT_EQ(octet_bind_input(it, 0, reinterpret_cast<char*>(y) + 1, 16, &e), OCTET_INVALID_ARGUMENT);
  EXPECT_EQ(octet_bind_input(it, 2, x, sizeof(x), &e), OCTET_INVALID_ARGUMENT);
  EXPECT_EQ(octet_bind_output(it, -1, x, sizeof(x), &e), OCTET_INVALID_ARGUMENT);
  const int32_t dims[2] = {1, 4};  // Allocated anew, memory is the interpreter's own.
  ASSERT_EQ(octet_resize_input(it, 0, dims, 2, &e), OCTET_OK);
  ASSERT_EQ(octet_allocate(it, &e), OCTET_OK);
  octet_interpreter_close(it);
}

TEST(CApi, WhatSharesMemoryIsNotBound) {
  test::Builder b;
  const TensorType type{DType::kF32, Shape{1, 4}, {}};
  const auto x = b.Input("x", type);
  const auto y = b.Node("relu", "y", {x});
  const auto shape = b.Constant<int32_t>("shape", Shape{1}, {4});
  b.g().outputs = {y, b.Node("reshape", "flat", {y, shape}), b.Node("reshape", "same", {x, shape})};
  const std::vector<std::byte> bytes = *exporter::Export(b.model);
  OctetModel* model = octet_model_from_bytes(bytes.data(), bytes.size(), nullptr);
  OctetInterpreter* it = octet_interpreter_create(model, nullptr, nullptr);
  octet_model_close(model);
  OctetError e;
  ASSERT_EQ(octet_allocate(it, &e), OCTET_OK) << e.text;
  float memory[4] = {-1, 2, -3, 4};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(octet_bind_output(it, i, memory, sizeof(memory), &e), OCTET_UNSUPPORTED) << i;
  ASSERT_EQ(octet_bind_input(it, 0, memory, sizeof(memory), &e), OCTET_OK) << e.text;
  ASSERT_EQ(octet_invoke(it, &e), OCTET_OK);
  OctetTensor t;
  ASSERT_EQ(octet_output(it, 1, &t), OCTET_OK);
  EXPECT_EQ(static_cast<const float*>(t.data)[2], 0);
  ASSERT_EQ(octet_output(it, 2, &t), OCTET_OK);
  EXPECT_EQ(t.data, memory);  // The input under another shape went along.
  octet_interpreter_close(it);
}

TEST(CApi, HeldUntilTakenBack) {
  const std::vector<std::byte> bytes = AddModel();
  OctetModel* model = octet_model_from_bytes(bytes.data(), bytes.size(), nullptr);
  OctetInterpreter* it = octet_interpreter_create(model, nullptr, nullptr);
  octet_model_close(model);
  ASSERT_EQ(octet_allocate(it, nullptr), OCTET_OK);
  octet_hold(it, 1);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(octet_invoke(it, nullptr), OCTET_CANCELLED);
  octet_hold(it, 0);
  EXPECT_EQ(octet_invoke(it, nullptr), OCTET_OK);
  octet_interpreter_close(it);
}

TEST(CApi, SignaturesNameTheEnds) {
  const std::vector<std::byte> bytes = AddModel();
  OctetModel* model = octet_model_from_bytes(bytes.data(), bytes.size(), nullptr);
  ASSERT_EQ(octet_model_num_signatures(model), 1);
  EXPECT_EQ(octet_model_num_subgraphs(model), 1);
  EXPECT_STREQ(octet_model_signature(model, 0), "serve");
  EXPECT_EQ(octet_model_signature(model, 1), nullptr);
  OctetOptions options = {};
  options.struct_size = sizeof(options);
  options.signature = "serve";
  OctetInterpreter* it = octet_interpreter_create(model, &options, nullptr);
  EXPECT_STREQ(octet_input_key(it, 1), "right");
  EXPECT_STREQ(octet_output_key(it, 0), "total");
  octet_interpreter_close(it);
  options.signature = "other";
  OctetError e;
  EXPECT_EQ(octet_interpreter_create(model, &options, &e), nullptr);
  EXPECT_EQ(e.code, OCTET_INVALID_ARGUMENT);
  EXPECT_NE(std::string(e.text).find("serve"), std::string::npos) << e.text;
  octet_model_close(model);
}

TEST(CApi, WrongUseIsAnError) {
  OctetError e;
  EXPECT_EQ(octet_model_open("/nowhere/model.tflite", &e), nullptr);
  EXPECT_EQ(e.code, OCTET_IO);
  EXPECT_EQ(octet_model_open(nullptr, &e), nullptr);
  EXPECT_EQ(octet_model_from_bytes("garbage", 7, &e), nullptr);
  EXPECT_EQ(e.code, OCTET_INVALID_MODEL);
  EXPECT_EQ(octet_interpreter_create(nullptr, nullptr, &e), nullptr);
  const std::vector<std::byte> bytes = AddModel();
  OctetModel* model = octet_model_from_bytes(bytes.data(), bytes.size(), &e);
  OctetInterpreter* it = octet_interpreter_create(model, nullptr, &e);
  EXPECT_EQ(octet_invoke(it, &e), OCTET_INVALID_ARGUMENT);  // Before allocate.
  OctetTensor t;
  EXPECT_EQ(octet_input(it, 2, &t), OCTET_INVALID_ARGUMENT);
  EXPECT_EQ(octet_tensor(it, -1, &t), OCTET_INVALID_ARGUMENT);
  EXPECT_EQ(octet_input_index(it, 9), -1);
  const int32_t dims[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  EXPECT_EQ(octet_resize_input(it, 0, dims, 9, &e), OCTET_INVALID_ARGUMENT);
  EXPECT_EQ(octet_resize_input(it, 7, dims, 2, &e), OCTET_INVALID_ARGUMENT);
  const int32_t wrong[2] = {3, 5};  // 5 does not broadcast with 4.
  EXPECT_EQ(octet_resize_input(it, 0, wrong, 2, &e), OCTET_OK);
  EXPECT_NE(octet_allocate(it, &e), OCTET_OK);
  octet_interpreter_close(it);
  octet_model_close(model);
  octet_interpreter_close(nullptr);
  octet_model_close(nullptr);
}

TEST(CApi, ResizesAndSharesAModel) {
  const std::vector<std::byte> bytes = AddModel();
  OctetModel* model = octet_model_from_bytes(bytes.data(), bytes.size(), nullptr);
  OctetInterpreter *one = octet_interpreter_create(model, nullptr, nullptr), *two = octet_interpreter_create(model, nullptr, nullptr);
  const int32_t dims[2] = {3, 4};
  ASSERT_EQ(octet_resize_input(two, 0, dims, 2, nullptr), OCTET_OK);
  OctetTensor t;
  octet_input(two, 0, &t);  // The input has its new shape at once.
  EXPECT_EQ(t.dims[0], 3);
  EXPECT_EQ(t.bytes, 48u);
  EXPECT_EQ(t.data, nullptr);
  ASSERT_EQ(octet_allocate(one, nullptr), OCTET_OK);
  ASSERT_EQ(octet_allocate(two, nullptr), OCTET_OK);
  octet_output(one, 0, &t);
  EXPECT_EQ(t.bytes, 16u);
  octet_output(two, 0, &t);
  EXPECT_EQ(t.bytes, 48u);
  EXPECT_EQ(t.signature[0], -1);
  octet_interpreter_close(one);
  octet_interpreter_close(two);
  octet_model_close(model);
}

}  // namespace
}  // namespace octet
