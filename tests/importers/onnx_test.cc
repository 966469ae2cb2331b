// SPDX-License-Identifier: Apache-2.0
// Small models of scripts/onnx_fixtures.py: imported, optimised, written, run, and compared with what ONNX's own
// reference evaluator gave.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "data/npz.h"
#include "importers/importer.h"
#include "importers/onnx/onnx.h"
#include "importers/onnx/proto.h"
#include "passes/pass.h"
#include "quantizer/quantize.h"
#include "tests/model_builder.h"

namespace octet::importers {
namespace {

std::string Data(const std::string& name) { return std::string(OCTET_SOURCE_DIR) + "/tests/importers/data/onnx/" + name; }

graph::Model Optimized(const std::string& name) {
  auto model = Import(Data(name));
  EXPECT_TRUE(model.ok()) << model.error().message();
  if (!model.ok()) return {};
  const Status status = passes::Optimize(*model);
  EXPECT_TRUE(status.ok()) << status.message();
  return std::move(*model);
}

std::map<std::string, int> Operators(const graph::Model& model) {
  std::map<std::string, int> count;
  for (const graph::NodeId id : model.main().order()) ++count[std::string(model.main().node(id).op->name)];
  return count;
}

class OnnxFixture : public testing::TestWithParam<const char*> {};

TEST_P(OnnxFixture, AgreesWithTheReferenceEvaluator) {
  const std::string name = GetParam();
  const graph::Model model = Optimized(name + ".onnx");
  ASSERT_FALSE(model.subgraphs.empty());
  auto archive = data::Archive::Open(Data(name + ".npz"));
  ASSERT_TRUE(archive.ok());
  test::Runner runner(model);
  for (int i = 0; i < runner.it->num_inputs(); ++i) {
    const data::Array* in = (*archive)->Find("in" + std::to_string(i));
    ASSERT_NE(in, nullptr);
    ASSERT_TRUE(runner.it->Resize(i, in->shape).ok());
  }
  ASSERT_TRUE(runner.it->Allocate().ok());
  for (int i = 0; i < runner.it->num_inputs(); ++i) {
    const data::Array* in = (*archive)->Find("in" + std::to_string(i));
    ASSERT_EQ(runner.it->input(i).bytes, in->bytes.size());
    std::memcpy(runner.it->input(i).data, in->bytes.data(), in->bytes.size());
  }
  const Status status = runner.it->Invoke();
  ASSERT_TRUE(status.ok()) << status.message();
  for (int i = 0; i < runner.it->num_outputs(); ++i) {
    const data::Array* want = (*archive)->Find("out" + std::to_string(i));
    ASSERT_NE(want, nullptr);
    const runtime::TensorRef got = runner.it->output(i);
    ASSERT_EQ(got.type->shape, want->shape) << "output " << i;
    const double atol = name == "quantized" || name == "grids" ? 1e-6 : 1e-5;  // Integers: the same steps of the scale.
    const bool whole = got.type->dtype == DType::kI64;
    for (int64_t k = 0; k < want->shape.elements(); ++k) {
      const double w = data::ElementAt(*want, k);
      const double g =
          whole ? static_cast<double>(reinterpret_cast<const int64_t*>(got.data)[k]) : static_cast<double>(reinterpret_cast<const float*>(got.data)[k]);
      ASSERT_NEAR(g, w, atol + 1e-4 * std::fabs(w)) << "output " << i << " element " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Onnx, OnnxFixture,
                         testing::Values("cnn", "unet", "shapes", "transformer", "recurrent", "quantized", "loops", "old", "function", "external", "any_length",
                                         "excite", "einsum", "free_axes", "masks", "placed", "blocks", "broadcast", "grids", "quantized_lstm", "regions",
                                         "branches", "scans", "scan_of_batch", "cubic", "solids", "quotients", "long_quotients", "distinct", "overwritten",
                                         "placed_open", "resized_open", "padded_open", "cropped_open", "collected", "collected_open", "halves", "triangles",
                                         "rolled", "counted", "any_boxes", "spread", "chosen_sequences", "eca", "boxes_placed", "from_the_end",
                                         "sequence_outputs", "windows", "heads", "spectra", "pooled_open", "rounds", "own_statistics", "patches", "clipped",
                                         "far_numbers", "open_channels", "computed_regions", "support_vectors", "questions", "bins", "bins_open", "ranks",
                                         "reshaped_open", "fused", "grids_open", "resized_traced"));

TEST(Onnx, ConvolutionsKeepNoTransposeButTheInputs) {
  const auto ops = Operators(Optimized("cnn.onnx"));
  EXPECT_EQ(ops.at("transpose"), 1);
  EXPECT_EQ(ops.at("conv_2d"), 2);
  EXPECT_EQ(ops.at("depthwise_conv_2d"), 1);
  EXPECT_FALSE(ops.contains("relu"));  // Fused, as is the batch norm.
  EXPECT_FALSE(ops.contains("mul"));
}

TEST(Onnx, SkipsAcrossLevelsCostNoTranspose) { EXPECT_EQ(Operators(Optimized("unet.onnx")).at("transpose"), 2); }

TEST(Onnx, PixelsAroundAPlaceAreReadAtOnce) { EXPECT_EQ(Operators(Optimized("grids_open.onnx")).at("gather"), 3 + 1 + 4); }  // Four rows for a cubic.

TEST(Onnx, JoiningNothingCostsNoOperator) { EXPECT_EQ(Operators(Optimized("rolled.onnx")).at("concatenation"), 1); }  // That of the shape.

TEST(Onnx, ABoxThatIsPlacedIsJoinedWithWhatLiesAroundIt) {
  const auto ops = Operators(Optimized("boxes_placed.onnx"));
  EXPECT_FALSE(ops.contains("shape"));
  EXPECT_EQ(ops.at("scatter_nd"), 1);  // Places that are no box.
}

TEST(Onnx, AFreeBatchTimesTheHeadsIsFollowed) {
  const graph::Model model = Optimized("heads.onnx");
  const graph::Graph& g = model.main();
  EXPECT_EQ(g.tensor(g.outputs[0]).type.shape, (Shape{kUnknown, 3, 2, 2 * 5 * 3}));
  const auto ops = Operators(model);
  EXPECT_FALSE(ops.contains("shape"));
  EXPECT_FALSE(ops.contains("conv_3d"));
  EXPECT_EQ(ops.at("depthwise_conv_2d"), 3 + 2);  // One for each step of the filters' depth.
}

TEST(Onnx, OpenDimensionsOnBothSidesOfAReshapeCancel) {
  const auto ops = Operators(Optimized("reshaped_open.onnx"));
  EXPECT_FALSE(ops.contains("transpose"));
  EXPECT_FALSE(ops.contains("split"));  // All parts of x are x, though that is an output.
  EXPECT_EQ(ops.at("reshape"), 2 + 1);  // One of a number.
  EXPECT_EQ(ops.at("shape"), 3);        // The inputs': no result's.
}

TEST(Onnx, OnlyIndicesThatMayCountFromTheEndAreLookedAt) {
  const auto ops = Operators(Optimized("from_the_end.onnx"));
  EXPECT_EQ(ops.at("less"), 5);  // Not the ids of a table, nor what an arg_max numbers; places are looked at once for each reader.
}

TEST(Onnx, TheNumberOfARoundIsNotLookedAt) {
  int comparisons = 0;
  for (const graph::Model model = Optimized("rounds.onnx"); const graph::Graph& g : model.subgraphs)
    for (const graph::NodeId id : g.order()) comparisons += g.node(id).op->name == "less";
  EXPECT_EQ(comparisons, 1);  // The loop's condition.
}

TEST(Onnx, AFreeBatchIsFollowedToWhatItsSizeIsAskedFrom) {
  const auto ops = Operators(Optimized("eca.onnx"));
  EXPECT_EQ(ops.at("transpose"), 1);  // The input's.
  EXPECT_FALSE(ops.contains("shape"));
  EXPECT_FALSE(ops.contains("fill"));
  EXPECT_EQ(ops.at("mul"), 2);  // Nothing is spread by ones.
}

TEST(Onnx, SpreadingForWhatBroadcastsCostsNoOperator) { EXPECT_EQ(Operators(Optimized("spread.onnx")).at("broadcast_to"), 1); }

TEST(Onnx, SingleCellsShufflesAndGroupsCostNoTransposeOfTheirOwn) {
  const auto ops = Operators(Optimized("excite.onnx"));
  EXPECT_EQ(ops.at("transpose"), 2);  // The input's and the shuffle's.
  EXPECT_EQ(ops.at("conv_2d"), 6);
  EXPECT_EQ(ops.at("mean"), 3);
}

TEST(Onnx, WeightsInBlocksOfFourBitsKeepThem) {
  graph::Model model = Optimized("blocks.onnx");
  ASSERT_FALSE(model.subgraphs.empty());
  ASSERT_TRUE(quantizer::QuantizeDynamicRange(model).ok());
  int found = 0;
  for (const graph::NodeId id : model.main().order()) {
    if (model.main().node(id).op->name != "fully_connected") continue;
    const graph::Tensor& w = model.main().tensor(model.main().node(id).inputs[1]);
    EXPECT_EQ(w.type.dtype, DType::kI4);
    EXPECT_EQ(w.type.quant.block_size, 32);
    EXPECT_EQ(w.type.quant.scale.size(), 64u);
    ++found;
  }
  EXPECT_EQ(found, 2);
}

TEST(Onnx, AttentionKeepsTheTransposesItHad) {
  const auto ops = Operators(Optimized("transformer.onnx"));
  EXPECT_EQ(ops.at("transpose"), 4);
  EXPECT_EQ(ops.at("fully_connected"), 6);
  EXPECT_EQ(ops.at("gelu"), 1);
  EXPECT_FALSE(ops.contains("div"));
}

TEST(Onnx, ShapeArithmeticIsGone) {
  const graph::Model model = Optimized("shapes.onnx");
  EXPECT_EQ(Operators(model), (std::map<std::string, int>{{"fully_connected", 1}, {"reshape", 1}}));
  EXPECT_EQ(model.main().tensor(model.main().outputs[0]).type.shape, (Shape{kUnknown, 2, 6}));
}

TEST(Onnx, QuantizedModelsBecomeIntegers) {
  const graph::Model model = Optimized("quantized.onnx");
  const auto ops = Operators(model);
  EXPECT_EQ(ops.at("conv_2d"), 1);
  EXPECT_EQ(ops.at("quantize"), 1);
  EXPECT_EQ(ops.at("dequantize"), 1);
  for (const graph::NodeId id : model.main().order()) {
    const graph::Node& n = model.main().node(id);
    if (n.op->name != "conv_2d") continue;
    EXPECT_EQ(model.main().tensor(n.inputs[0]).type.dtype, DType::kI8);
    EXPECT_EQ(model.main().tensor(n.inputs[1]).type.quant.scale.size(), 4u);
    EXPECT_EQ(model.main().tensor(n.inputs[2]).type.dtype, DType::kI32);
  }
}

TEST(Onnx, OtherGridsThanAnOperatorsOwnCostNoFloats) {
  const graph::Model model = Optimized("grids.onnx");
  for (const graph::NodeId id : model.main().order()) {
    const graph::Node& n = model.main().node(id);
    EXPECT_TRUE(n.op->name == "dequantize" || model.main().tensor(n.outputs[0]).type.dtype != DType::kF32) << n.op->name;
  }
}

TEST(Onnx, ACountThatIsDataIsAWhile) {
  const graph::Model model = Optimized("loops.onnx");
  EXPECT_EQ(Operators(model).at("while"), 1);
  EXPECT_EQ(model.subgraphs.size(), 3u);
}

TEST(Onnx, NamesAndOrderStay) {
  const graph::Model model = Optimized("recurrent.onnx");
  std::vector<std::string> names;
  for (const graph::TensorId t : model.main().outputs) names.push_back(model.main().tensor(t).name);
  EXPECT_EQ(names, (std::vector<std::string>{"y", "yh", "yc", "g", "gh"}));
}

TEST(Onnx, AllThatIsMissingIsReportedAtOnce) {
  auto findings = Check(Data("refused.onnx"));
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 2u);
  EXPECT_EQ(findings->at(0).layer, "distinct");
  EXPECT_EQ(findings->at(0).kind, "TfIdfVectorizer");
  EXPECT_EQ(findings->at(1).kind, "shop.Mystery");
  auto model = Import(Data("refused.onnx"));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code(), Code::kUnsupported);
}

TEST(Onnx, ASequenceAsAnOutputIsItsTensors) {
  const graph::Model model = Optimized("sequence_outputs.onnx");
  std::vector<std::string> names;
  for (const auto& output : model.signatures.at(0).outputs) names.push_back(output.name);
  EXPECT_EQ(names, (std::vector<std::string>{"y", "s_0", "s_1", "s_2", "c_0", "c_1", "c_2"}));
  auto findings = Check(Data("sequence_of_data.onnx"));
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 1u);
  EXPECT_EQ(findings->at(0).layer, "rows");
}

TEST(Onnx, ExternalDataStaysInTheFolder) {
  auto model = Import(Data("escape.onnx"));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code(), Code::kInvalidModel);
  EXPECT_NE(model.error().message().find("outside the model's folder"), std::string::npos) << model.error().message();
}

TEST(Onnx, MoreComputedStartsThanAxesAreRefused) {
  auto model = Import(Data("too_many_starts.onnx"));
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code(), Code::kUnsupported);
  EXPECT_NE(model.error().message().find("cut"), std::string::npos) << model.error().message();
}

TEST(Onnx, SizesThatNoModelHasAreRefused) {
  const std::tuple<const char*, const char*, const char*> cases[] = {{"far_pads.onnx", "wide", "pads below 2^28"},
                                                                     {"gigabytes.onnx", "endless", "sequences of at most"}};
  for (const auto& [file, place, expected] : cases) {
    auto model = Import(Data(file));
    ASSERT_FALSE(model.ok()) << file;
    EXPECT_EQ(model.error().code(), Code::kUnsupported);
    for (const char* part : {place, expected}) EXPECT_NE(model.error().message().find(part), std::string::npos) << model.error().message();
  }
}

// Every prefix and every flipped byte: an answer, never a crash.
TEST(Onnx, DamagedFiles) {
  for (const auto& entry : std::filesystem::directory_iterator(Data(""))) {
    if (entry.path().extension() != ".onnx" || entry.file_size() > 1500) continue;
    auto file = MappedFile::Open(entry.path());
    ASSERT_TRUE(file.ok());
    std::vector<std::byte> bytes(file->bytes().begin(), file->bytes().end());
    ImportOptions options;
    for (size_t n = 0; n < bytes.size(); n += 11) {
      std::vector<Finding> findings;
      (void)onnx::Import(std::span(bytes).first(n), entry.path(), options, &findings).ok();
    }
    for (size_t i = 0; i < bytes.size(); i += 9) {
      for (const std::byte flip : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
        std::vector<std::byte> damaged = bytes;
        damaged[i] ^= flip;
        std::vector<Finding> findings;
        (void)onnx::Import(damaged, entry.path(), options, &findings).ok();
      }
    }
  }
}

}  // namespace
}  // namespace octet::importers
