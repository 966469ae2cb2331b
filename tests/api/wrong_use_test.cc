// SPDX-License-Identifier: Apache-2.0
// octet.h used wrongly: an error that says what and why, and no crash. The row "C" of docs/wrong_use.md.
#include <atomic>
#include <thread>

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

// Long enough for another thread to be inside.
std::vector<std::byte> SlowModel() {
  test::Builder b;
  auto x = b.Input("x", {DType::kF32, Shape{1 << 16}, {}});
  for (int i = 0; i < 2000; ++i) x = b.Node(i % 2 ? "sin" : "exp", "s" + std::to_string(i), {x});
  b.g().outputs = {x};
  return *exporter::Export(b.model);
}

class WrongUse : public testing::Test {
 protected:
  void Open(std::vector<std::byte> content) {
    bytes = std::move(content);
    model = octet_model_from_bytes(bytes.data(), bytes.size(), &e);
    it = octet_interpreter_create(model, nullptr, &e);
    ASSERT_NE(it, nullptr) << e.text;
  }
  ~WrongUse() override {
    octet_interpreter_close(it);
    octet_model_close(model);
  }
  void Refused(OctetCode code, const char* part) {
    EXPECT_EQ(code, OCTET_INVALID_ARGUMENT);
    EXPECT_NE(std::string(e.text).find(part), std::string::npos) << e.text;
  }
  std::vector<std::byte> bytes;
  OctetModel* model = nullptr;
  OctetInterpreter* it = nullptr;
  OctetError e;
};

TEST_F(WrongUse, BeforeAllocate) {
  Open(AddModel());
  Refused(octet_invoke(it, &e), "Allocate before Invoke");
  OctetTensor t;
  ASSERT_EQ(octet_input(it, 0, &t), OCTET_OK);
  EXPECT_EQ(t.data, nullptr);
}

TEST_F(WrongUse, Shapes) {
  Open(AddModel());
  const int32_t unfit[2] = {1, 5}, negative[1] = {-1};
  Refused(octet_resize_input(it, 0, negative, 1, &e), "negative");
  Refused(octet_resize_input(it, 9, unfit, 2, &e), "no input 9");
  Refused(octet_resize_input(it, 0, unfit, 9, &e), "0 to 8 dimensions, found 9");
  ASSERT_EQ(octet_resize_input(it, 0, unfit, 2, &e), OCTET_OK);
  EXPECT_NE(octet_allocate(it, &e), OCTET_OK);  // [1, 5] + [1, 4].
  EXPECT_NE(std::string(e.text).find("sum"), std::string::npos) << e.text;
  Refused(octet_invoke(it, &e), "Allocate before Invoke");
}

TEST_F(WrongUse, Types) {
  Open(AddModel());
  ASSERT_EQ(octet_allocate(it, &e), OCTET_OK);
  Refused(octet_set_strings(it, 0, "", 0, &e), "not an allocated tensor of strings");
  size_t size = 0;
  Refused(octet_get_strings(it, 0, nullptr, 0, &size, &e), "not a computed tensor of strings");
}

TEST_F(WrongUse, Signatures) {
  Open(AddModel());
  Refused(octet_select(it, "none", &e), "there is no signature 'none'; the model has: serve");
  OctetOptions options = {};
  options.struct_size = sizeof(options);
  options.signature = "none";
  EXPECT_EQ(octet_interpreter_create(model, &options, &e), nullptr);
  EXPECT_NE(std::string(e.text).find("serve"), std::string::npos) << e.text;
}

TEST_F(WrongUse, TwoThreads) {
  Open(SlowModel());
  ASSERT_EQ(octet_allocate(it, &e), OCTET_OK);
  std::atomic<bool> started = false;
  std::atomic<int> code = -1;
  std::thread other([&] {
    started = true;
    OctetCode its = OCTET_INVALID_ARGUMENT;
    for (int tries = 0; its == OCTET_INVALID_ARGUMENT && tries < 1'000'000; ++tries)
      its = octet_invoke(it, nullptr);  // Refused while the reset below came first.
    code = its;
  });
  while (!started) std::this_thread::yield();
  OctetCode mine = OCTET_OK;
  while (code < 0 && mine == OCTET_OK) mine = octet_reset_variables(it, &e);  // In between it may come first.
  if (code < 0) Refused(mine, "in use by another thread");
  octet_hold(it, 1);
  other.join();
  EXPECT_TRUE(code == OCTET_CANCELLED || code == OCTET_OK) << code;
}

TEST_F(WrongUse, CloseBesideARunEndsIt) {
  Open(SlowModel());
  ASSERT_EQ(octet_allocate(it, &e), OCTET_OK);
  std::atomic<bool> started = false;
  std::thread other([&] {
    started = true;
    (void)octet_invoke(it, nullptr);
  });
  while (!started) std::this_thread::yield();
  octet_interpreter_close(it);
  other.join();
  Refused(octet_invoke(it, &e), "was closed");
}

TEST_F(WrongUse, AfterClose) {
  Open(AddModel());
  octet_interpreter_close(it);
  octet_interpreter_close(it);  // Once is enough.
  Refused(octet_allocate(it, &e), "the interpreter was closed");
  Refused(octet_invoke(it, &e), "the interpreter was closed");
  Refused(octet_select(it, "", &e), "the interpreter was closed");
  EXPECT_EQ(octet_num_inputs(it), 0);
  EXPECT_EQ(octet_input_index(it, 0), -1);
  EXPECT_EQ(octet_input_key(it, 0), nullptr);
  EXPECT_EQ(octet_num_nodes(it), 0);
  octet_cancel(it);
  OctetTensor t;
  EXPECT_EQ(octet_input(it, 0, &t), OCTET_INVALID_ARGUMENT);
  octet_model_close(model);
  octet_model_close(model);
  EXPECT_EQ(octet_model_num_signatures(model), 0);
  EXPECT_EQ(octet_model_num_tensors(model, 0), -1);
  EXPECT_EQ(octet_interpreter_create(model, nullptr, &e), nullptr);
  EXPECT_NE(std::string(e.text).find("the model was closed"), std::string::npos) << e.text;
  Refused(octet_invoke(nullptr, &e), "NULL");
}

TEST_F(WrongUse, ClosedDelegates) {
  Open(AddModel());
  OctetDelegateHandle* cpu = octet_delegate_open("cpu", nullptr, nullptr, 0, &e);
  ASSERT_NE(cpu, nullptr) << e.text;
  EXPECT_EQ(octet_add_delegate(it, cpu, &e), OCTET_OK);
  octet_delegate_close(cpu);
  octet_delegate_close(cpu);
  Refused(octet_add_delegate(it, cpu, &e), "the delegate was closed");
  OctetOptions options = {};
  options.struct_size = sizeof(options);
  options.delegates = &cpu;
  options.num_delegates = 1;
  EXPECT_EQ(octet_interpreter_create(model, &options, &e), nullptr);
}

TEST_F(WrongUse, HandlesServeAgainAndDoNotGrow) {
  bytes = AddModel();
  for (int i = 0; i < 2000; ++i) {
    OctetModel* m = octet_model_from_bytes(bytes.data(), bytes.size(), &e);
    OctetInterpreter* one = octet_interpreter_create(m, nullptr, &e);
    ASSERT_NE(one, nullptr);
    ASSERT_EQ(octet_allocate(one, &e), OCTET_OK);
    octet_interpreter_close(one);
    octet_model_close(m);
  }
}

}  // namespace
}  // namespace octet
