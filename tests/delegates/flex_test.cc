// SPDX-License-Identifier: Apache-2.0
// TensorFlow's own operators, against a library that has the functions octet asks for.
#include "delegates/flex/flex.h"

#include <cstdlib>

#include "base/library.h"
#include "delegates/flex/node_def.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

constexpr int32_t kSize = 6;
const std::vector<float> kX = test::RandomFloats(kSize, 1);

// An attribute with its AttrValue: a float is its field 4, a type its field 6.
struct Attribute {
  std::string name, value;
};
Attribute Times(float times) { return {"times", std::string{char{4 << 3 | 5}} + std::string(reinterpret_cast<const char*>(&times), 4)}; }
const Attribute kTypeFloat = {"T", {char{6 << 3}, char{1}}};

// FlexBuffers: a vector of two strings, offsets of one byte. NodeDef: 1 name "n", 2 op, 5 {1 name, 2 value}.
std::vector<std::byte> Options(const std::string& op, const std::vector<Attribute>& attributes) {
  const auto field = [](int number, const std::string& text) { return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(text.size())} + text; };
  std::string node = field(1, "n") + field(2, op);
  for (const Attribute& a : attributes) node += field(5, field(1, a.name) + field(2, a.value));
  std::string b;
  const auto add = [&](const std::string& text) {
    b += static_cast<char>(text.size());
    const size_t at = b.size();
    b += text + '\0';
    return at;
  };
  const size_t name_at = add(op), node_at = add(node);
  b += char{2};
  const size_t vector = b.size();
  b += static_cast<char>(vector - name_at);
  b += static_cast<char>(vector + 1 - node_at);
  b += char{5 << 2};
  b += char{5 << 2};
  b += static_cast<char>(b.size() - vector);
  b += char{10 << 2};
  b += char{1};
  std::vector<std::byte> bytes;
  for (char c : b) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

std::vector<std::byte> Model(const std::string& op, const std::vector<Attribute>& attributes = {}) {
  test::Builder b;
  const TensorType type{DType::kF32, Shape{1, kSize}, {}};
  const auto x = b.Input("x", type);
  const auto a = b.Node("neg", "a", {x}), f = b.g().AddTensor("f", type);
  const std::string name = "Flex" + op;
  static const ops::Operand operand{.name = "x"};
  static const ops::TypeRow row{""};
  ops::OpDef def{};
  def.name = def.custom_name = name;
  def.code = ops::BuiltinCode::kCustom;
  def.inputs = def.outputs = std::span(&operand, 1);
  def.types = std::span(&row, 1);
  const graph::NodeId node = b.g().AddNode(def, graph::Attributes(def.attrs), {a}, {f}, "flex");
  b.g().node(node).custom_options = Options(op, attributes);
  b.g().outputs = {b.Node("relu", "y", {f})};
  return *exporter::Export(b.model);
}

TEST(Flex, WithoutALibraryTheErrorSaysWhatIsMissing) {
  const auto bytes = Model("Missing");
  const auto it = runtime::Interpreter::Create(*runtime::Model::FromBytes(bytes));
  ASSERT_FALSE(it.ok());
  EXPECT_EQ(it.error().code(), Code::kUnsupported);
  EXPECT_NE(it.error().message().find("TensorFlow's own: FlexMissing (1); they need its library"), std::string::npos) << it.error().message();
}

TEST(Flex, TheLibraryComputes) {
  for (const bool with_attribute : {true, false}) {
    const auto bytes = Model("Double", with_attribute ? std::vector{Times(3)} : std::vector<Attribute>());
    auto flex = delegates::WithFlexOps(*runtime::Model::FromBytes(bytes), OCTET_FAKE_TENSORFLOW);
    ASSERT_TRUE(flex.ok()) << flex.error().message();
    EXPECT_NE(flex->warning.find("FlexDouble (1)"), std::string::npos);
    auto it = runtime::Interpreter::Create(flex->model);
    ASSERT_TRUE(it.ok()) << it.error().message();
    ASSERT_TRUE((*it)->Allocate().ok());
    for (int again = 0; again < 3; ++again) {
      std::memcpy((*it)->input(0).data, kX.data(), kX.size() * sizeof(float));
      const Status status = (*it)->Invoke();
      ASSERT_TRUE(status.ok()) << status.message();
      for (size_t i = 0; i < kX.size(); ++i)
        EXPECT_EQ(reinterpret_cast<const float*>((*it)->output(0).data)[i], std::max(0.0f, (with_attribute ? 3 : 2) * -kX[i]));
    }
  }
  const auto library = Library::Open(OCTET_FAKE_TENSORFLOW);
  ASSERT_TRUE(library.ok());
  EXPECT_EQ(reinterpret_cast<int (*)()>(library->Find("fake_tensorflow_alive"))(), 0);
}

// The library inside of the tensorflow-cpu wheel, where OCTET_REAL_TENSORFLOW names it.
TEST(Flex, ARealTensorFlowComputes) {
  const char* library = std::getenv("OCTET_REAL_TENSORFLOW");
  if (!library) GTEST_SKIP() << "OCTET_REAL_TENSORFLOW names no library";
  const auto bytes = Model("Erf", {kTypeFloat});
  auto flex = delegates::WithFlexOps(*runtime::Model::FromBytes(bytes), library);
  ASSERT_TRUE(flex.ok()) << flex.error().message();
  auto it = runtime::Interpreter::Create(flex->model);
  ASSERT_TRUE(it.ok() && (*it)->Allocate().ok());
  std::memcpy((*it)->input(0).data, kX.data(), kX.size() * sizeof(float));
  const Status status = (*it)->Invoke();
  ASSERT_TRUE(status.ok()) << status.message();
  for (size_t i = 0; i < kX.size(); ++i) EXPECT_NEAR(reinterpret_cast<const float*>((*it)->output(0).data)[i], std::max(0.0f, std::erf(-kX[i])), 1e-6f);
}

TEST(Flex, FailuresAreErrors) {
  for (const auto& [op, says] : {std::pair("Crash", "it crashed"), std::pair("Unheard", "Op type not registered")}) {
    const auto bytes = Model(op);
    auto flex = delegates::WithFlexOps(*runtime::Model::FromBytes(bytes), OCTET_FAKE_TENSORFLOW);
    ASSERT_TRUE(flex.ok());
    auto it = runtime::Interpreter::Create(flex->model);
    ASSERT_TRUE(it.ok() && (*it)->Allocate().ok());
    const Status status = (*it)->Invoke();
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.message().find(says), std::string::npos) << status.message();
  }
  const auto bytes = Model("Double");
  EXPECT_FALSE(delegates::WithFlexOps(*runtime::Model::FromBytes(bytes), "/nowhere/libtensorflow.so").ok());
  const auto wrong = delegates::WithFlexOps(*runtime::Model::FromBytes(bytes), OCTET_CLASSIC_PLUGIN);
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message().find("is no TensorFlow library"), std::string::npos);
}

TEST(Flex, NoPartOfTheOptionsIsReadBeyondItsEnd) {
  const std::vector<std::byte> options = Options("Double", {Times(3)});
  delegates::NodeDef node;
  ASSERT_TRUE(delegates::ReadNodeDef(options, &node));
  EXPECT_EQ(node.op, "Double");
  ASSERT_EQ(node.attributes.size(), 1u);
  EXPECT_EQ(node.attributes[0].name, "times");
  for (size_t n = 0; n < options.size(); ++n) {
    const std::vector<std::byte> part(options.begin(), options.begin() + static_cast<std::ptrdiff_t>(n));
    delegates::NodeDef cut;
    (void)delegates::ReadNodeDef(part, &cut);
  }
  for (size_t i = 0; i < options.size(); ++i)
    for (const int value : {0, 1, 127, 128, 255}) {
      std::vector<std::byte> bent = options;
      bent[i] = static_cast<std::byte>(value);
      delegates::NodeDef other;
      (void)delegates::ReadNodeDef(bent, &other);
    }
}

}  // namespace
}  // namespace octet
