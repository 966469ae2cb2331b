// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "data/npz.h"
#include "importers/importer.h"
#include "importers/keras/weights.h"
#include "passes/pass.h"
#include "tests/model_builder.h"

namespace octet::importers {
namespace {

std::string Data(const std::string& name) { return std::string(OCTET_SOURCE_DIR) + "/tests/importers/data/" + name; }

graph::Model ImportData(const std::string& name, const ImportOptions& options = {}) {
  auto model = Import(Data(name), options);
  EXPECT_TRUE(model.ok()) << model.error().message();
  if (!model.ok()) return {};
  const Status good = graph::Verify(*model);
  EXPECT_TRUE(good.ok()) << good.message();
  return std::move(*model);
}

std::vector<std::string> Names(const std::vector<graph::SignatureEntry>& entries) {
  std::vector<std::string> names;
  for (const auto& e : entries) names.push_back(e.name);
  return names;
}

float First(const graph::Graph& g, const std::string& constant) {
  for (const graph::Tensor& t : g.tensors())
    if (t.name == constant && t.constant) return t.data<float>()[0];
  ADD_FAILURE() << "no constant " << constant;
  return 0;
}

std::string ErrorOf(const std::string& path) {
  auto model = Import(path);
  return model.ok() ? std::string() : model.error().message();
}

// TFLiteConverter writes 352 operators for these layers, over all subgraphs.
TEST(Keras, RecurrentLayersTakeFewerOperatorsThanTFLiteConverters) {
  const auto count = [](const ImportOptions& options) {
    graph::Model model = ImportData("golden/recurrent_known_length.keras", options);
    const Status optimized = passes::Optimize(model);
    EXPECT_TRUE(optimized.ok()) << optimized.message();
    size_t nodes = 0;
    for (const graph::Graph& g : model.subgraphs) nodes += g.num_nodes();
    return std::pair(model.subgraphs.size(), nodes);
  };
  const auto [subgraphs, nodes] = count({});
  EXPECT_EQ(subgraphs, 1u + 2 * 8);  // Condition and body of all but GRU(unroll=True) and two steps.
  EXPECT_LE(nodes, 238u);
  EXPECT_EQ(count({.unroll = true}).first, 1u);
}

// What Keras' own Python code computed, by a file that says it again (scripts/custom_layer_fixtures.py).
TEST(Keras, CustomLayersByAFile) {
  const auto golden = data::Archive::Open(Data("custom.npz"));
  ASSERT_TRUE(golden.ok());
  const auto floats = [&](const char* name) {
    const data::Array* array = (*golden)->Find(name);
    std::vector<float> values(array->bytes.size() / sizeof(float));
    std::memcpy(values.data(), array->bytes.data(), array->bytes.size());
    return values;
  };
  const std::vector<float> x = floats("x");
  for (const char* name : {"custom.keras", "custom.h5"}) {
    auto findings = Check(Data(name));
    ASSERT_TRUE(findings.ok());
    ASSERT_EQ(findings->size(), 4u);
    EXPECT_NE((*findings)[0].reason.find("acme>Scale"), std::string::npos);
    ImportOptions options;
    options.layers = Data("custom_layers.json");
    graph::Model model = ImportData(name, options);
    ASSERT_TRUE(passes::Optimize(model).ok());
    test::Runner runner(model);
    ASSERT_TRUE(runner.it->Resize(0, Shape{3, 4}).ok());
    EXPECT_LT(test::LargestDifference(runner.Run(x), floats("total")), 1e-6f) << name;
    const runtime::TensorRef difference = runner.it->output(1);
    std::vector<float> got(difference.bytes / sizeof(float));
    std::memcpy(got.data(), difference.data, difference.bytes);
    EXPECT_LT(test::LargestDifference(got, floats("difference")), 1e-6f) << name;
  }
}

TEST(Keras, NestedModelCalledTwice) {
  const graph::Model model = ImportData("nested.keras");
  const graph::Graph& g = model.main();
  ASSERT_EQ(g.inputs.size(), 2u);
  EXPECT_EQ(g.tensor(g.inputs[0]).name, "x");  // The model's order, not the layers'.
  EXPECT_EQ(g.tensor(g.inputs[1]).name, "y");
  EXPECT_EQ(g.tensor(g.inputs[1]).type.shape, (Shape{kUnknown, 2}));
  ASSERT_EQ(model.signatures.size(), 1u);
  EXPECT_EQ(model.signatures[0].key, "serving_default");
  EXPECT_EQ(Names(model.signatures[0].inputs), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(Names(model.signatures[0].outputs), (std::vector<std::string>{"drop", "inner"}));
  // output_layers counts the inner model's construction: call 1 is its first use, which reads x.
  const graph::NodeId inner = g.tensor(g.outputs[1]).producer;
  EXPECT_EQ(g.node(inner).inputs[0], g.inputs[0]);
  EXPECT_EQ(g.node(inner).place, "inner/d");
  // Inbound references do not: the join reads the second use, which reads the first.
  int dense = 0;
  for (const graph::NodeId id : g.order()) {
    const graph::Node& n = g.node(id);
    if (n.place == "inner/d") ++dense;
    if (n.op->name != "concatenation") continue;
    EXPECT_EQ(n.inputs[0], g.inputs[1]);
    EXPECT_EQ(g.node(g.tensor(n.inputs[1]).producer).inputs[0], g.outputs[1]);
  }
  EXPECT_EQ(dense, 2);
  // The groups are numbered per container: layers/dense is the outer one.
  EXPECT_EQ(First(g, "tail/kernel"), 1.0f);
  EXPECT_EQ(First(g, "tail/bias"), 2.0f);
  EXPECT_EQ(First(g, "inner/d/kernel"), 3.0f);
  EXPECT_EQ(First(g, "inner/d/bias"), 4.0f);
}

TEST(Keras, OlderFilesGoByPositionTrainedFirst) {
  const graph::Model model = ImportData("nested_k2.h5");
  const graph::Graph& g = model.main();
  EXPECT_EQ(First(g, "inner/d/kernel"), 3.0f);
  EXPECT_EQ(First(g, "inner/frozen/kernel"), 5.0f);  // Frozen: behind all that is trained.
  EXPECT_EQ(First(g, "inner/frozen/bias"), 6.0f);
  // tf_keras counts the construction everywhere: the second call reads the first.
  ASSERT_EQ(g.outputs.size(), 2u);
  EXPECT_EQ(Names(model.signatures[0].outputs), (std::vector<std::string>{"inner", "inner_1"}));
  int reads = 0;
  for (const graph::NodeId user : g.tensor(g.outputs[0]).consumers) reads += g.node(user).place == "inner/frozen";
  EXPECT_EQ(reads, 1);
}

// Whatever the layers are called, all of it becomes integers: the input's rounding, a kernel without limits, a softmax. A
// .keras file numbers the variables that .h5 files name: the same model.
TEST(Keras, QuantizationAwareTrainingOfTfmotIsIntegersThroughout) {
  std::vector<std::vector<std::byte>> kernels;
  for (const char* file : {"aware.h5", "aware.keras"}) {
    SCOPED_TRACE(file);
    graph::Model model = ImportData(file);
    ASSERT_TRUE(passes::Optimize(model).ok());
    std::vector<std::string> ops;
    for (const graph::NodeId id : model.main().order()) {
      const graph::Node& n = model.main().node(id);
      ops.emplace_back(n.op->name);
      EXPECT_TRUE(n.op->name == "dequantize" || model.main().tensor(n.outputs[0]).type.dtype != DType::kF32) << n.op->name;
      for (const graph::TensorId t : n.inputs) {
        if (!model.main().is_constant(t)) continue;
        const std::span<const std::byte> bytes = std::as_bytes(std::span(model.main().tensor(t).constant->data(), model.main().tensor(t).constant->size()));
        kernels.emplace_back(bytes.begin(), bytes.end());
      }
    }
    for (const char* op : {"quantize", "transpose_conv", "fully_connected", "softmax", "dequantize"}) EXPECT_EQ(std::ranges::count(ops, op), 1) << op;
  }
  ASSERT_EQ(kernels.size() % 2, 0u);
  EXPECT_TRUE(std::equal(kernels.begin(), kernels.begin() + kernels.size() / 2, kernels.begin() + kernels.size() / 2));
}

// What tfmot joins it rounds behind the concatenation, where a branch has no limits of its own. A softmax that is a layer has none
// either: its grid is TensorFlow's.
TEST(Keras, TrainedBranchesAreJoinedAsIntegers) {
  graph::Model model = ImportData("joined.keras");
  ASSERT_TRUE(passes::Optimize(model).ok());
  std::vector<std::string> floats;
  for (const graph::NodeId id : model.main().order())
    if (const graph::Node& n = model.main().node(id); model.main().tensor(n.outputs[0]).type.dtype == DType::kF32) floats.emplace_back(n.op->name);
  EXPECT_EQ(floats, std::vector<std::string>{"dequantize"});
}

// CQAT and PCQAT: the wrapper has more variables of its own, of which only the kernel and its limits count.
TEST(Keras, TrainedLevelsWithClustersPreserved) {
  for (const char* file : {"clustered.h5", "clustered.keras"}) {
    SCOPED_TRACE(file);
    const graph::Model model = ImportData(file);
    EXPECT_EQ(First(model.main(), "quant_d/d/bias"), 1.0f);
    const auto kernel = std::ranges::find_if(model.main().tensors(), [](const graph::Tensor& t) { return t.constant && !t.type.quant.empty(); });
    ASSERT_NE(kernel, model.main().tensors().end());
    const float want[] = {-1, 0.5f, 1, 0.5f, 1, -1};
    for (size_t i = 0; i < std::size(want); ++i) EXPECT_NEAR(kernel->data<float>()[i], want[i], 1 / 127.0f) << i;
  }
}

// Kernels of 4 bits keep their levels: numbers from -7 to 7, with the scale that they were trained with. Frozen here: only the kernel is the wrapper's.
TEST(Keras, TrainedLevelsOfFourBits) {
  const graph::Model model = ImportData("nbit.keras");
  EXPECT_EQ(First(model.main(), "quant_d/d/bias"), 1.0f);
  for (const graph::Tensor& t : model.main().tensors()) {
    if (t.name != "quant_d/constant") continue;
    ASSERT_EQ(t.type.quant.scale.size(), 1u);
    EXPECT_FLOAT_EQ(t.type.quant.scale[0], 0.1f);
    EXPECT_EQ(t.type.quant.zero_point[0], 0);
    const float want[] = {-0.7f, 0.2f, 0.0f, 0.3f, 0.7f, -0.5f};
    for (size_t i = 0; i < std::size(want); ++i) EXPECT_NEAR(t.data<float>()[i], want[i], 1e-6f) << i;
    return;
  }
  FAIL() << "no kernel";
}

// A class of the user's own has its number of bits in Python: taking them for 8 would be wrong without a word.
TEST(Keras, TrainedLevelsOfUnknownNumberAreRefused) {
  auto model = Import(Data("own_bits.keras"));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code(), Code::kUnsupported);
  EXPECT_NE(model.error().message().find("'quant_d': expected a QuantizeConfig of tfmot's, found 'Fine'"), std::string::npos) << model.error().message();
}

TEST(Keras, PruningThatWasNotStripped) {
  for (const char* file : {"pruned.h5", "pruned.keras"}) {
    const graph::Model model = ImportData(file);
    EXPECT_EQ(First(model.main(), "prune_d/d/kernel"), 5.0f) << file;
    EXPECT_EQ(First(model.main(), "prune_d/d/bias"), 6.0f) << file;
  }
}

TEST(Keras, SequentialWithoutInputLayer) {
  const graph::Model model = ImportData("sequential.keras");
  const graph::Graph& g = model.main();
  EXPECT_EQ(g.tensor(g.inputs[0]).type.shape, (Shape{kUnknown, 3}));
  for (const graph::Tensor& t : g.tensors()) {
    if (t.name != "first/kernel") continue;
    const std::vector<float> kernel(t.data<float>().begin(), t.data<float>().end());
    EXPECT_EQ(kernel, (std::vector<float>{0, 2, 4, 1, 3, 5}));  // float64 in the file, transposed.
  }
}

TEST(Keras, InputShapesCanBeSet) {
  const graph::Model model = ImportData("nested.keras", {{{"y", Shape{5, 2}}, {"x", Shape{5, 4}}}});
  EXPECT_EQ(model.main().tensor(model.main().outputs[0]).type.shape, (Shape{5, 3}));
  auto wrong = Import(Data("nested.keras"), {{{"z", Shape{1, 2}}}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code(), Code::kInvalidArgument);
  EXPECT_NE(wrong.error().message().find("no input 'z'"), std::string::npos);
}

TEST(Keras, StatefulStepsAreALoop) {
  const graph::Model model = ImportData("golden/recurrent_stateful.keras");
  int loops = 0;
  for (const graph::NodeId id : model.main().order()) loops += model.main().node(id).op->name == "while";
  EXPECT_EQ(loops, 2);
}

TEST(Keras, TransformsOfPowersOfTwoHaveNoMatrices) {
  const graph::Model model = ImportData("golden/long_transforms.keras");
  for (const graph::Tensor& t : model.main().tensors())
    EXPECT_TRUE(!t.constant || t.type.shape.elements() <= 2 * 25 * 48) << t.name;  // The matrix of 48 points is there, others have up to 256.
}

TEST(Keras, AllThatIsMissingIsReportedAtOnce) {
  auto model = Import(Data("refused.keras"));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code(), Code::kUnsupported);
  EXPECT_NE(model.error().message().find("Lambda 'square'"), std::string::npos);
  EXPECT_NE(model.error().message().find("\nMystery 'own': 'shop>Mystery' is a custom class"), std::string::npos);
  auto findings = Check(Data("refused.keras"));
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 2u);
  EXPECT_EQ(findings->at(0).layer, "square");
  EXPECT_EQ(findings->at(0).kind, "Lambda");
  EXPECT_FALSE(findings->at(0).advice.empty());
  EXPECT_TRUE(Check(Data("nested.keras"))->empty());
}

TEST(Keras, OperationsThatItDoesNotHaveAreNoCustomClasses) {
  auto findings = Check(Data("operation.keras"));
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 1u);
  EXPECT_EQ(findings->at(0).kind, "Eig");
  EXPECT_EQ(findings->at(0).reason, "octet does not have this operation of keras.ops");
}

TEST(Keras, PackedWeightsNameTheWayOut) {
  EXPECT_TRUE(Check(Data("four_bits.keras"))->empty());
  for (const char* file : {"forgotten.keras", "beyond.keras"}) {  // Without what stands for zero; with a group that has no scale.
    auto findings = Check(Data(file));
    ASSERT_TRUE(findings.ok()) << findings.error().message();
    ASSERT_EQ(findings->size(), 1u) << file;
    EXPECT_EQ(findings->at(0).layer, "packed");
    EXPECT_NE(findings->at(0).reason.find("or as model.quantize() leaves it, found whole numbers among"), std::string::npos) << findings->at(0).reason;
    EXPECT_NE(findings->at(0).advice.find("before quantize()"), std::string::npos);
  }
}

TEST(Keras, KernelsThatAreHalvedAreNamed) {
  auto findings = Check(Data("halved.keras"));
  ASSERT_TRUE(findings.ok()) << findings.error().message();
  ASSERT_EQ(findings->size(), 1u);
  EXPECT_EQ(findings->at(0).reason, "expected a kernel for 4 numbers, found one for 2");
}

TEST(Keras, BytesThatRowsShare) {
  auto model = Import(Data("older.keras"));
  ASSERT_TRUE(model.ok()) << model.error().message();
  test::Runner runner(*model);
  EXPECT_EQ(runner.Run<float>({1, 0, 0}), (std::vector<float>{6, 7.5}));
  EXPECT_EQ(runner.Run<float>({0, 1, 0}), (std::vector<float>{7, 8}));
  EXPECT_EQ(runner.Run<float>({0, 0, 1}), (std::vector<float>{4, 2}));
}

TEST(Keras, WeightsThatAreNotNumbers) {
  auto model = Import(Data("nan.keras"));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code(), Code::kInvalidModel);
  EXPECT_NE(model.error().message().find("Dense 'first': its kernel has the value NaN at element 3"), std::string::npos) << model.error().message();
}

TEST(Keras, WhatIsNotAModelSaysSo) {
  const std::string path = testing::TempDir() + "octet_not_a_model";
  EXPECT_NE(ErrorOf(path + "_missing.keras").find("_missing.keras"), std::string::npos);
  ASSERT_TRUE(WriteFile(path, std::string_view("not a model")).ok());
  EXPECT_NE(ErrorOf(path).find("is not a model"), std::string::npos);
  ASSERT_TRUE(WriteFile(path, std::string_view("")).ok());
  EXPECT_NE(ErrorOf(path).find("is empty"), std::string::npos);
  EXPECT_NE(ErrorOf(Data("features.h5")).find("weights only"), std::string::npos);
  EXPECT_NE(ErrorOf(std::string(OCTET_SOURCE_DIR) + "/src").find("directory"), std::string::npos);
}

TEST(Keras, DamagedFilesAreErrors) {
  const std::string path = testing::TempDir() + "octet_damaged_model";
  for (const char* name : {"nested.keras", "nested_k2.h5"}) {
    auto file = MappedFile::Open(Data(name));
    ASSERT_TRUE(file.ok());
    const std::vector<std::byte> whole(file->bytes().begin(), file->bytes().end());
    for (size_t n = 0; n + 1 < whole.size(); n += 501) {
      ASSERT_TRUE(WriteFile(path, std::span(whole).first(n)).ok());
      EXPECT_FALSE(Import(path).ok()) << name << " cut at " << n;
    }
    std::mt19937 random(7);
    for (int round = 0; round < 60; ++round) {
      std::vector<std::byte> bytes = whole;
      for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
      ASSERT_TRUE(WriteFile(path, bytes).ok());
      (void)Import(path).ok();
    }
  }
}

TEST(Keras, GroupNames) {
  EXPECT_EQ(keras::SnakeCase("Conv2DTranspose"), "conv2d_transpose");
  EXPECT_EQ(keras::SnakeCase("PReLU"), "p_re_lu");
  EXPECT_EQ(keras::SnakeCase("LSTM"), "lstm");
  EXPECT_EQ(keras::SnakeCase("TFOpLambda"), "tf_op_lambda");
  EXPECT_EQ(keras::SnakeCase("GlobalAveragePooling2D"), "global_average_pooling2d");
}

// The whole collection of models that is not part of the repository: every file is read or refused with
// findings; none is called broken.
TEST(Keras, Collection) {
  const char* shared = std::getenv("OCTET_SHARED");
  const std::filesystem::path root = std::filesystem::path(shared ? shared : std::string(OCTET_SOURCE_DIR) + "/../shared") / "importers";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "no collection at " << root;
  int read = 0, refused = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string extension = entry.path().extension();
    if (extension != ".keras" && extension != ".h5") continue;
    auto model = Import(entry.path());
    if (model.ok()) ++read;
    else if (model.error().code() == Code::kUnsupported) ++refused;
    else ADD_FAILURE() << entry.path() << ": " << model.error().message();
  }
  std::printf("%d models read, %d refused\n", read, refused);
  EXPECT_GT(read, refused);
}

}  // namespace
}  // namespace octet::importers
