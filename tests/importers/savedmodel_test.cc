// SPDX-License-Identifier: Apache-2.0
// Fixtures: scripts/savedmodel_fixtures.py.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "base/strings.h"
#include "importers/importer.h"
#include "importers/savedmodel/partial.h"
#include "importers/savedmodel/table.h"
#include "importers/savedmodel/variables.h"
#include "ops/flex_util.h"
#include "ops/node_def_util.h"
#include "passes/pass.h"
#include "tests/model_builder.h"

namespace octet::importers::savedmodel {
namespace {

std::string Data(const std::string& name) { return std::string(OCTET_SOURCE_DIR) + "/tests/importers/data/" + name; }

graph::Model ImportData(const std::string& name, const ImportOptions& options = {}) {
  auto model = importers::Import(Data(name), options);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message());
  if (!model.ok()) return {};
  const Status good = passes::Optimize(*model);
  EXPECT_TRUE(good.ok()) << (good.ok() ? "" : good.message());
  return std::move(*model);
}

void Fill(runtime::Interpreter& it, int input, std::vector<float> v) {
  ASSERT_EQ(it.input(input).bytes, v.size() * sizeof(float));
  std::memcpy(it.input(input).data, v.data(), v.size() * sizeof(float));
}

std::vector<float> Floats(const runtime::Interpreter& it, int output) {
  std::vector<float> v(it.output(output).bytes / sizeof(float));
  if (!v.empty()) std::memcpy(v.data(), it.output(output).data, v.size() * sizeof(float));
  return v;
}

TEST(SavedModel, FakeQuantGraphsAreIntegersThroughout) {
  const graph::Model model = ImportData("golden/fake_quantized");
  for (const graph::NodeId id : model.main().order()) {
    const graph::Node& n = model.main().node(id);
    EXPECT_TRUE(n.op->name == "dequantize" || model.main().tensor(n.outputs[0]).type.dtype != DType::kF32) << n.op->name;
  }
}

TEST(SavedModel, KeepsTheOrderOfTheFunctionAndTellsTwinsApart) {
  const graph::Model model = ImportData("twins");
  ASSERT_EQ(model.signatures.size(), 1u);
  const graph::Signature& s = model.signatures[0];
  ASSERT_EQ(s.inputs.size(), 2u);
  EXPECT_EQ(s.inputs[0].name, "zz");
  EXPECT_EQ(s.inputs[1].name, "aa");
  ASSERT_EQ(s.outputs.size(), 2u);
  EXPECT_EQ(s.outputs[0].name, "other");  // A dict's values are in the order of its keys.
  EXPECT_EQ(s.outputs[1].name, "sum");
  test::Runner runner(model);
  ASSERT_TRUE(runner.it->Allocate().ok());
  Fill(*runner.it, 0, {1, 1});
  Fill(*runner.it, 1, {5, 7});
  ASSERT_TRUE(runner.it->Invoke().ok());
  EXPECT_EQ(Floats(*runner.it, 0), (std::vector<float>{4, 6}));
  EXPECT_EQ(Floats(*runner.it, 1), (std::vector<float>{14, 26}));
}

// The reshape's shape is computed from the input's: with a free batch size it is still a constant.
TEST(SavedModel, FoldsShapesWithOneOpenDimension) {
  const graph::Model model = ImportData("twins");
  for (const graph::NodeId id : model.main().order()) {
    EXPECT_NE(model.main().node(id).op->name, "shape");
    EXPECT_NE(model.main().node(id).op->name, "pack");
  }
}

TEST(SavedModel, VariablesKeepTheirValuesBetweenRuns) {
  test::Runner runner(ImportData("counter"));
  ASSERT_TRUE(runner.it->Allocate().ok());
  for (const float wanted : {7.0f, 9.0f}) {
    Fill(*runner.it, 0, {2});
    ASSERT_TRUE(runner.it->Invoke().ok());
    EXPECT_EQ(Floats(*runner.it, 0), (std::vector<float>{wanted}));
  }
}

TEST(FrozenGraph, LoopsOverLists) {
  test::Runner runner(ImportData("running_sum.pb"));
  EXPECT_EQ(runner.Run<float>({1, 2, 3, 4, 5, 6, 7, 8}), (std::vector<float>{1, 2, 4, 6, 9, 12, 16, 20}));
}

TEST(FrozenGraph, Branches) {
  test::Runner runner(ImportData("branch.pb"));
  EXPECT_EQ(runner.Run<float>({1, 2, 3}), (std::vector<float>{2, 4, 6}));
  EXPECT_EQ(runner.Run<float>({-1, -2, -3}), (std::vector<float>{1, 2, 3}));
}

// y[t] = 3 (x[t, 0] + 10 x[t + 2, 1])
TEST(FrozenGraph, DilatesOverAFreeLength) {
  const graph::Model model = ImportData("dilated.pb");
  const auto& order = model.main().order();
  EXPECT_TRUE(std::ranges::any_of(order, [&](graph::NodeId id) { return model.main().node(id).op->name == "add_n"; }));
  test::Runner runner(model);
  ASSERT_TRUE(runner.it->Resize(0, Shape{1, 5, 2}).ok());
  ASSERT_TRUE(runner.it->Allocate().ok());
  Fill(*runner.it, 0, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  ASSERT_TRUE(runner.it->Invoke().ok());
  EXPECT_EQ(Floats(*runner.it, 0), (std::vector<float>{183, 249, 315}));
}

// Who stacks the boxes says how many there are, so that none have to be chosen for it before the loop.
TEST(SavedModel, DoesNotRunARoundForItsShapes) {
  const graph::Model model = ImportData("golden/chosen_per_image");
  for (const graph::NodeId id : model.main().order()) EXPECT_NE(model.main().node(id).op->name, "non_max_suppression_v4");
  EXPECT_EQ(model.main().tensor(model.main().outputs[0]).type.shape, (Shape{kUnknown, 5, 4}));
}

// Both kinds of blocks are the convolution's dilation, the divisor is in its weights: transposes and a pad stand around it.
TEST(SavedModel, DilatesWithChannelsFirst) { EXPECT_LE(ImportData("golden/blocks_behind_channels").main().order().size(), 4u); }

// LiteRT reads both operands of atan2 as if they were of one shape, and reverses only along axes that are next to each other.
TEST(SavedModel, GivesOperatorsWhatLiteRtTakes) {
  const graph::Model model = ImportData("golden/narrow");
  const graph::Graph& g = model.main();
  int seen = 0;
  for (const graph::NodeId id : g.order()) {
    const graph::Node& n = g.node(id);
    if (n.op->name != "atan2" && n.op->name != "reverse_v2") continue;
    ++seen;
    if (n.op->name == "atan2") {
      EXPECT_EQ(g.tensor(n.inputs[0]).type.shape, g.tensor(n.inputs[1]).type.shape);
    } else {
      const auto axes = g.tensor(n.inputs[1]).data<int32_t>();
      EXPECT_EQ(axes.back() - axes.front() + 1, static_cast<int32_t>(axes.size()));
    }
  }
  EXPECT_EQ(seen, 6);
}

TEST(FrozenGraph, AsksForTheBitOfASign) {
  const graph::Model model = ImportData("least.pb");
  EXPECT_LE(model.main().order().size(), 9u);
  test::Runner runner(model);
  EXPECT_EQ(runner.Run<float>({1, 0, -0.0f, 0, -0.0f, 2, -1, -0.0f, 0, -2, 3, -2}), (std::vector<float>{2, 3}));
}

TEST(FrozenGraph, RefusesByName) {
  auto findings = importers::Check(Data("lu.pb"));
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 1u);
  EXPECT_EQ((*findings)[0].kind, "Lu");
}

// Freezing leaves a table's handle as an input, and its words nowhere.
TEST(FrozenGraph, SaysThatATableIsNotThere) {
  const auto model = importers::Import(Data("table.pb"));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code(), Code::kUnsupported);
  EXPECT_NE(model.error().message().find("convert the SavedModel"), std::string::npos) << model.error().message();
}

// What TensorFlow's converter writes for the same op, but for its notes on functions.
TEST(SavedModel, KeepsOpsAsTensorFlowsOwn) {
  std::vector<Finding> flex;
  ImportOptions options;
  options.flex = &flex;
  const graph::Model model = ImportData("flex", options);
  ASSERT_EQ(flex.size(), 1u);
  std::map<std::string, const graph::Node*> nodes;
  for (const graph::NodeId id : model.main().order()) nodes[std::string(model.main().node(id).op->custom_name)] = &model.main().node(id);
  ASSERT_TRUE(nodes.contains("FlexDawsn"));
  ops::NodeDef def;
  ASSERT_TRUE(ops::ReadNodeDef(nodes["FlexDawsn"]->custom_options, &def));
  EXPECT_EQ(def.op, "Dawsn");
  ASSERT_EQ(def.attributes.size(), 1u);
  EXPECT_EQ(def.attributes[0].name, "T");
  ASSERT_EQ(def.attributes[0].value.size(), 2u);
  EXPECT_EQ(def.attributes[0].value[1], std::byte{1});  // DT_FLOAT
  EXPECT_EQ(nodes["FlexDawsn"]->place, "dawsn/Dawsn");
  EXPECT_EQ(model.main().tensor(nodes["FlexDawsn"]->outputs[0]).type.shape, (Shape{kUnknown, 4}));
  // The options of a message too long for offsets of one byte.
  const std::string text(300, 'x');
  ASSERT_TRUE(ops::ReadNodeDef(ops::FlexOptions("Op", "\x12\xac\x02" + text), &def));
  EXPECT_EQ(def.op, text);
}

TEST(SavedModel, NamesTheSignaturesItHas) {
  ImportOptions options;
  options.signature = "train";
  auto model = importers::Import(Data("twins"), options);
  ASSERT_FALSE(model.ok());
  EXPECT_NE(model.error().message().find("serving_default"), std::string::npos);
}

// Flipped and cut bytes end in an error or a model, never in anything else.
TEST(SavedModel, SurvivesDamage) {
  const std::string folder = testing::TempDir() + "/octet_damaged-" + std::to_string(::getpid());
  std::filesystem::remove_all(folder);
  std::filesystem::copy(Data("twins"), folder, std::filesystem::copy_options::recursive);
  for (const std::string name : {"/saved_model.pb", "/variables/variables.index"}) {
    auto file = MappedFile::Open(Data("twins") + name);
    ASSERT_TRUE(file.ok());
    const std::vector<std::byte> whole(file->bytes().begin(), file->bytes().end());
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
      std::vector<std::byte> bytes = whole;
      if (round % 4 == 0) {
        bytes.resize(random() % bytes.size());
      } else {
        for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] ^= static_cast<std::byte>(1 + random() % 255);
      }
      ASSERT_TRUE(WriteFile(folder + name, bytes).ok());
      auto model = importers::Import(folder);
      if (model.ok()) {
        EXPECT_TRUE(graph::Verify(*model).ok());
      }
    }
    ASSERT_TRUE(WriteFile(folder + name, whole).ok());
  }
}

// ------------------------------------------------------------------- tables from text files

struct WordsFolder {
  std::string path = testing::TempDir() + "/octet_words-" + std::to_string(::getpid());
  WordsFolder() {
    std::filesystem::remove_all(path);
    std::filesystem::copy(Data("words"), path, std::filesystem::copy_options::recursive);
  }
  void Write(const std::string& name, std::string_view text) const { ASSERT_TRUE(WriteFile(path + "/" + name, text).ok()); }
  std::string Read(const std::string& name) const {
    const auto file = MappedFile::Open(path + "/" + name);
    return file.ok() ? std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()) : std::string();
  }
  // What importing says.
  std::string Error() const {
    const auto model = importers::Import(path);
    return model.ok() ? "" : model.error().message();
  }
};

TEST(SavedModel, FillsTablesFromTextFiles) {
  test::Runner runner(ImportData("words"));
  runtime::Interpreter& it = *runner.it;
  ASSERT_TRUE(it.Resize(0, Shape{4}).ok());
  ASSERT_TRUE(it.Resize(1, Shape{2}).ok());
  const StringRef texts[] = {{"sat", 3}, {"the", 3}, {"on", 2}, {"cat", 3}};  // vocab_size leaves "on" out.
  ASSERT_TRUE(it.Allocate().ok());
  ASSERT_TRUE(it.SetStrings(0, WriteStrings(texts)).ok());
  const int64_t ids[] = {-1, 8};
  std::memcpy(it.input(1).data, ids, sizeof ids);
  ASSERT_TRUE(it.Invoke().ok());
  std::vector<int64_t> numbers(4);
  ASSERT_EQ(it.output(0).bytes, 32u);
  std::memcpy(numbers.data(), it.output(0).data, 32);
  EXPECT_EQ(numbers, (std::vector<int64_t>{12, 10, -1, 11}));
  EXPECT_EQ(Floats(it, 1), (std::vector<float>{2, 0.5f, -0.25f, -0.25f}));
  const auto words = it.Strings(2);
  ASSERT_TRUE(words.ok());
  const StringRef wanted[] = {{"sat", 3}, {"?", 1}};
  EXPECT_EQ(*words, WriteStrings(wanted));
}

TEST(SavedModel, SaysWhatIsWrongWithATextFile) {
  const WordsFolder folder;
  const auto expect = [&](const std::string& name, std::string_view text, const std::string& wanted) {
    const std::string before = folder.Read(name);
    folder.Write(name, text);
    const std::string error = folder.Error();
    EXPECT_NE(error.find(wanted), std::string::npos) << "'" << error << "', not '" << wanted << "'";
    EXPECT_NE(error.find(name), std::string::npos) << error;
    folder.Write(name, before);
  };
  expect("assets/words.txt", "", "no lines");
  expect("assets/words.txt", "the\n\ncat\n", "line 2 is empty");
  expect("assets/words.txt", "the\ncat\n", "2 lines; the model expects 3");
  expect("assets/words.txt", "the\ncat\nthe\n", "line 3 gives the key of line 1 another value");
  expect("assets/weights.csv", "7,the\n", "line 1 has 2 columns");
  expect("assets/weights.csv", "7,the,x\n", "line 1: expected f32, found 'x'");
  expect("assets/weights.csv", "9223372036854775808,the,1\n", "line 1: expected i64");
  EXPECT_EQ(folder.Error(), "");
}

TEST(SavedModel, RefusesAssetsOutsideOfTheFolder) {
  const WordsFolder folder;
  folder.Write("ab.txt", "the\ncat\nsat\n");
  const std::string model = folder.Read("saved_model.pb");
  for (const std::string name : {"../ab.txt", "/tmpa.txt", "a/../b.tx"}) {
    std::string changed = model;
    for (size_t at = 0; (at = changed.find("words.txt", at)) != std::string::npos;) changed.replace(at, 9, name);
    folder.Write("saved_model.pb", changed);
    EXPECT_NE(folder.Error().find("lies outside of the SavedModel"), std::string::npos) << folder.Error();
  }
  folder.Write("saved_model.pb", model);
  std::filesystem::remove(folder.path + "/assets/words.txt");
  EXPECT_NE(folder.Error().find("assets/words.txt"), std::string::npos) << folder.Error();
}

TEST(Table, RefusesBlocksThatOverlap) {
  std::vector<std::byte> nothing(48);
  EXPECT_FALSE(ReadTable(nothing, "x").ok());
}

TEST(Partial, MultipliesByOneAndKeepsSymbols) {
  NodeDef node;
  node.op = "Mul";
  const Partial a{DType::kI32, Shape{2}, {Number::Symbol(3), Number::Of(int64_t{4})}}, b{DType::kI32, Shape{}, {Number::Of(int64_t{1})}};
  const Partial* inputs[] = {&a, &b};
  const auto out = Evaluate(node, inputs);
  ASSERT_EQ(out.size(), 1u);
  ASSERT_TRUE(out[0]);
  EXPECT_EQ(out[0]->v, a.v);
  EXPECT_EQ(out[0]->dims(), (std::vector<int32_t>{kUnknown, 4}));
}

}  // namespace
}  // namespace octet::importers::savedmodel
