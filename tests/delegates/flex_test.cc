// SPDX-License-Identifier: Apache-2.0
// TensorFlow's own operators, against a library that has the functions octet asks for.
#include "delegates/flex/flex.h"

#include <array>
#include <cstdlib>
#include <deque>

#include "base/library.h"
#include "base/strings.h"
#include "ops/node_def_util.h"
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

void AddFlex(test::Builder& b, const std::string& op, const std::vector<Attribute>& attributes, std::vector<test::TensorId> inputs,
             std::vector<test::TensorId> outputs) {
  static auto& known = *new std::deque<std::pair<std::string, ops::OpDef>>;  // Graphs refer to them.
  auto& [name, def] = known.emplace_back("Flex" + op, ops::OpDef{});
  static const ops::Operand operand{.name = "x"}, many{.name = "x", .arity = ops::Arity::kMany};
  static const ops::TypeRow row{""};
  def.name = def.custom_name = name;
  def.code = ops::BuiltinCode::kCustom;
  def.inputs = def.outputs = std::span(inputs.size() == 1 && outputs.size() == 1 ? &operand : &many, 1);
  def.types = std::span(&row, 1);
  const graph::NodeId node = b.g().AddNode(def, graph::Attributes(def.attrs), std::move(inputs), std::move(outputs), "flex");
  b.g().node(node).custom_options = Options(op, attributes);
}

std::vector<std::byte> Model(const std::string& op, const std::vector<Attribute>& attributes = {}) {
  test::Builder b;
  const TensorType type{DType::kF32, Shape{1, kSize}, {}};
  const auto x = b.Input("x", type);
  const auto a = b.Node("neg", "a", {x}), f = b.g().AddTensor("f", type);
  AddFlex(b, op, attributes, {a}, {f});
  b.g().outputs = {b.Node("relu", "y", {f})};
  return *exporter::Export(b.model);
}

// One operator of strings.
std::vector<std::byte> StringModel(const std::string& op, const std::vector<Attribute>& attributes = {}) {
  test::Builder b;
  const TensorType type{DType::kString, Shape{3}, {}};
  const auto x = b.Input("x", type), y = b.g().AddTensor("y", type);
  AddFlex(b, op, attributes, {x}, {y});
  b.g().outputs = {y};
  return *exporter::Export(b.model);
}

// A resource is made, filled and read.
std::vector<std::byte> ResourceModel(const std::array<std::string, 3>& ops, const std::array<std::vector<Attribute>, 3>& attributes = {}) {
  test::Builder b;
  const TensorType type{DType::kF32, Shape{kSize}, {}};
  const auto x = b.Input("x", type), r = b.g().AddTensor("r", {DType::kResource, Shape{}, {}}), y = b.g().AddTensor("y", type);
  AddFlex(b, ops[0], attributes[0], {}, {r});
  AddFlex(b, ops[1], attributes[1], {r, x}, {});
  AddFlex(b, ops[2], attributes[2], {r}, {y});
  b.g().outputs = {y};
  return *exporter::Export(b.model);
}

std::unique_ptr<runtime::Interpreter> Open(std::vector<std::byte> model, const std::string& library) {
  static auto& kept = *new std::deque<std::vector<std::byte>>;  // Models read where their bytes lie.
  const std::vector<std::byte>& bytes = kept.emplace_back(std::move(model));
  auto flex = delegates::WithFlexOps(*runtime::Model::FromBytes(bytes), library);
  EXPECT_TRUE(flex.ok()) << (flex.ok() ? "" : flex.error().message());
  auto it = runtime::Interpreter::Create(flex->model);
  EXPECT_TRUE(it.ok()) << (it.ok() ? "" : it.error().message());
  const Status allocated = (*it)->Allocate();
  EXPECT_TRUE(allocated.ok()) << (allocated.ok() ? "" : allocated.message());
  return std::move(*it);
}

std::vector<std::string> RunStrings(runtime::Interpreter& it, const std::vector<std::string>& texts) {
  std::vector<StringRef> refs;
  for (const std::string& t : texts) refs.push_back({t.data(), t.size()});
  EXPECT_TRUE(it.SetStrings(0, WriteStrings(refs)).ok());
  const Status status = it.Invoke();
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.message());
  const auto out = it.Strings(0);
  EXPECT_TRUE(out.ok() && IsStringBuffer(*out, static_cast<int64_t>(texts.size())));
  std::vector<StringRef> read(texts.size());
  ReadStrings(*out, read.data());
  std::vector<std::string> list;
  for (const StringRef& r : read) list.emplace_back(r.view());
  return list;
}

std::vector<float> RunFloats(runtime::Interpreter& it, const std::vector<float>& x) {
  std::memcpy(it.input(0).data, x.data(), x.size() * sizeof(float));
  const Status status = it.Invoke();
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.message());
  const auto* y = reinterpret_cast<const float*>(it.output(0).data);
  return {y, y + it.output(0).bytes / sizeof(float)};
}

int AliveInFake() { return reinterpret_cast<int (*)()>(Library::Open(OCTET_FAKE_TENSORFLOW)->Find("fake_tensorflow_alive"))(); }

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

TEST(Flex, StringsCross) {
  {
    const auto it = Open(StringModel("Twice"), OCTET_FAKE_TENSORFLOW);
    const std::string longer(100, 'x');
    for (int again = 0; again < 3; ++again) EXPECT_EQ(RunStrings(*it, {"ab", "", longer}), (std::vector<std::string>{"abab", "", longer + longer}));
  }
  EXPECT_EQ(AliveInFake(), 0);
}

TEST(Flex, ResourcesStayThere) {
  {
    const auto it = Open(ResourceModel({"Box", "Put", "Take"}), OCTET_FAKE_TENSORFLOW),
               other = Open(ResourceModel({"Box", "Put", "Take"}), OCTET_FAKE_TENSORFLOW);
    const std::vector<float> twice = test::RandomFloats(kSize, 2);
    for (int again = 0; again < 3; ++again) {
      EXPECT_EQ(RunFloats(*it, kX), kX);
      EXPECT_EQ(RunFloats(*other, twice), twice);
    }
  }
  EXPECT_EQ(AliveInFake(), 0);
  // A number that names no resource: nothing made one.
  test::Builder b;
  const auto r = b.Input("r", {DType::kResource, Shape{}, {}}), y = b.g().AddTensor("y", {DType::kF32, Shape{kSize}, {}});
  AddFlex(b, "Take", {}, {r}, {y});
  b.g().outputs = {y};
  const auto bytes = *exporter::Export(b.model);
  const auto it = Open(bytes, OCTET_FAKE_TENSORFLOW);
  const Status status = it->Invoke();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("its resource is none of TensorFlow's"), std::string::npos) << status.message();
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

// Attributes of a variable: a shared name (AttrValue's field 2), an element type, a shape of any rank (field 7, its field 3).
TEST(Flex, StringsAndResourcesInARealTensorFlow) {
  const char* library = std::getenv("OCTET_REAL_TENSORFLOW");
  if (!library) GTEST_SKIP() << "OCTET_REAL_TENSORFLOW names no library";
  const auto upper = Open(StringModel("StringUpper", {{"encoding", {char{2 << 3 | 2}, char{0}}}}), library);
  EXPECT_EQ(RunStrings(*upper, {"ab", "", std::string(100, 'x')}), (std::vector<std::string>{"AB", "", std::string(100, 'X')}));
  const Attribute dtype = {"dtype", {char{6 << 3}, char{1}}}, name = {"shared_name", std::string{char{2 << 3 | 2}, char{1}} + "v"}, any = {"shape", {char{7 << 3 | 2}, char{2}, char{3 << 3}, char{1}}};
  const auto variable = Open(ResourceModel({"VarHandleOp", "AssignVariableOp", "ReadVariableOp"}, {{{dtype, name, any}, {dtype}, {dtype}}}), library);
  for (int again = 0; again < 3; ++again) EXPECT_EQ(RunFloats(*variable, kX), kX);
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
  ops::NodeDef node;
  ASSERT_TRUE(ops::ReadNodeDef(options, &node));
  EXPECT_EQ(node.op, "Double");
  ASSERT_EQ(node.attributes.size(), 1u);
  EXPECT_EQ(node.attributes[0].name, "times");
  for (size_t n = 0; n < options.size(); ++n) {
    const std::vector<std::byte> part(options.begin(), options.begin() + static_cast<std::ptrdiff_t>(n));
    ops::NodeDef cut;
    (void)ops::ReadNodeDef(part, &cut);
  }
  for (size_t i = 0; i < options.size(); ++i)
    for (const int value : {0, 1, 127, 128, 255}) {
      std::vector<std::byte> bent = options;
      bent[i] = static_cast<std::byte>(value);
      ops::NodeDef other;
      (void)ops::ReadNodeDef(bent, &other);
    }
}

}  // namespace
}  // namespace octet
