// SPDX-License-Identifier: Apache-2.0
// The text form, printed and read.
#include <gtest/gtest.h>

#include <filesystem>

#include "graph/graph.h"
#include "importers/importer.h"

namespace octet::graph {
namespace {

namespace fs = std::filesystem;

std::string Again(std::string_view text, const Model* constants = nullptr) {
  const Result<Model> model = Parse(text, constants);
  return model.ok() ? Print(*model) : model.error().message();
}

TEST(Text, EveryFormReadsBackAsItWasPrinted) {
  const std::string_view text =
      "graph main\n"
      "variable state: f32[1,2] resets\n"
      "input state\n"
      "input 'image:0': i8[?,2,2,1] q(0.0078125,-3)\n"
      "const w: i8[2,1,1,1] q([0.5,0.25],0) = [127,-128]\n"
      "const w#2: i8[2,2] q([0.1,0.2],[1,2],axis=1) = [1,2,3,4]\n"
      "const '': f32[] = [-inf]\n"
      "const bias: f32[20] = all 1e-05\n"
      "const halves: f16[2] = 0x003c00bc\n"
      "const none: i64[0] = []\n"
      "variable 'it\\'s \\x0a': f32[1]\n"
      "conv_2d ('image:0', w, -) -> (y: i8[?,2,2,2] q(0.1,0)) padding=1 stride_w=3 stride_h=1 fused_activation_function=0 dilation_w_factor=1 dilation_h_factor=1 "
      "quantized_bias_type=0 @'a layer'\n"
      "reshape (y, -) -> (z: i8[?] q(0.1,0)) new_shape=[-1]\n"
      "output z\n"
      "output 'image:0'\n"
      "signature serving_default (x='image:0') -> ('the result'=z)\n"
      "graph other\n";
  EXPECT_EQ(Again(text), text);
}

TEST(Text, LargeConstantsComeFromTheModelBesideIt) {
  std::vector<float> values(20);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  Model model;
  Graph& g = model.subgraphs.emplace_back();
  g.outputs = {g.AddConstant<float>("w", Shape{20}, values)};
  const std::string text = Print(model);
  EXPECT_EQ(text.substr(0, text.find('#')), "graph main\nconst w: f32[20] = ");
  const Result<Model> read = Parse(text, &model);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->main().tensor(0).constant, model.main().tensor(0).constant);
  EXPECT_EQ(Again(text).substr(0, 94), "line 2, column 20: expected values, or the hash of a constant of the model given beside the te");
}

TEST(Text, ErrorsSayWhereAndWhat) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "line 1, column 1: expected a graph, found the end of the line"},
      {"input x: f32[1]", "line 1, column 1: expected 'graph' and its name, found 'input x: f32[1]'"},
      {"graph g\nnonsense (x)", "line 2, column 1: expected graph, input, const, variable, output, signature or an operator, found 'nonsense (x)'"},
      {"graph g\ninput x: f33[1]", "line 2, column 10: expected a type (f32, i8, ...), found 'f33[1]'"},
      {"graph g\ninput x: f32[1", "line 2, column 15: expected ',', found the end of the line"},
      {"graph g\ninput x: f32[99999999999]", "line 2, column 14: expected a number from -2147483648 to 2147483647, found '99999999999]'"},
      {"graph g\ninput x: f32[1,1,1,1,1,1,1,1,1]", "line 2, column 30: expected at most 8 dimensions, found '1]'"},
      {"graph g\ninput x: f32[1] more", "line 2, column 17: expected the end of the line, found 'more'"},
      {"graph g\ninput x: f32[1]\ninput x: f32[1]", "line 3, column 7: expected a new name, found 'x: f32[1]'"},
      {"graph g\noutput y", "line 2, column 8: expected a tensor defined above, found 'y'"},
      {"graph g\nconst c: f32[2,3] = [1,2]", "line 2, column 21: expected 6 values for [2,3], found '[1,2]'"},
      {"graph g\nconst c: f32[99999,99999] = all 1", "line 2, column 29: expected less than 256 MB of equal values, found 'all 1'"},
      {"graph g\nconst c: c64[1] = [1]", "line 2, column 19: expected bytes (0x...): these are no numbers, found '[1]'"},
      {"graph g\ninput x: f32[1]\nexp (x) -> (x)", "line 3, column 12: expected results that nothing else computes, found '(x)'"},
      {"graph g\ninput x: f32[1]\nexp (x) -> (y: f32[1]) axis=1", "line 3, column 24: expected an attribute of exp, found 'axis=1'"},
      {"graph g\ninput 'x", "line 2, column 9: expected a closing ', found the end of the line"},
      {"graph g\ninput x: f32[1]\nreshape (x, -) -> (y: f32[1]) new_shape=[1,1,1,1,1,1,1,1,1]", "line 3, column 41: expected at most 8 numbers, found '[1,1,1,1,1,1,1,1,1]'"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(Again(text), message);
}

// Every operator's attributes, and whole models.
TEST(Text, ModelsReadBackAsTheyWerePrinted) {
  int models = 0;
  for (const char* folder : {"tests/ops/vectors", "../shared/zoo/models", "../shared/zoo/perf"}) {
    if (!fs::exists(fs::path(OCTET_SOURCE_DIR) / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(OCTET_SOURCE_DIR) / folder)) {
      if (entry.path().extension() != ".tflite" || entry.file_size() > (4 << 20)) continue;
      const auto model = importers::Import(entry.path().string());
      if (!model.ok()) continue;
      const std::string text = Print(*model);
      EXPECT_EQ(Again(text, &*model), text) << entry.path();
      ++models;
    }
  }
  EXPECT_GT(models, 150);
}

}  // namespace
}  // namespace octet::graph
