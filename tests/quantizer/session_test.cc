// SPDX-License-Identifier: Apache-2.0
#include "quantizer/session.h"

#include "exporter/exporter.h"
#include "importers/importer.h"
#include "passes/pass.h"
#include "tests/model_builder.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

// count = 5; count += x: which samples came before, on which thread, must not show in what a sample gives.
TEST(Session, EverySampleBeginsAnew) {
  auto model = importers::Import(std::string(OCTET_SOURCE_DIR) + "/tests/importers/data/counter");
  ASSERT_TRUE(model.ok() && passes::Optimize(*model).ok());
  auto session = Session::FromBytes(*exporter::Export(*model), {});
  ASSERT_TRUE(session.ok());
  const test::Samples samples(Shape{}, {1, 2});
  ASSERT_TRUE((*session)->Check(samples).ok());
  for (const int64_t sample : {1, 1, 0}) {
    const Status status = (*session)->Run(samples, sample);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ((*session)->Output(), std::vector{6.0f + static_cast<float>(sample)});
  }
}

// Of a waveform's model, say: the first dimension is no batch.
TEST(Session, SamplesOfTheInputsRankAreAllOfIt) {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{kUnknown, 3}, {}});
  b.g().outputs = {b.Node("sum", "y", {x, b.Constant<int32_t>("axis", Shape{1}, {0})})};
  auto session = Session::FromBytes(*exporter::Export(b.model), {});
  ASSERT_TRUE(session.ok());
  const test::Samples whole(Shape{2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}), lone(Shape{3}, {1, 2, 3}), other(Shape{2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  ASSERT_TRUE((*session)->Check(whole).ok());
  ASSERT_TRUE((*session)->Run(whole, 1).ok());
  EXPECT_EQ((*session)->Output(), (std::vector<float>{17, 19, 21}));
  ASSERT_TRUE((*session)->Check(lone).ok());
  ASSERT_TRUE((*session)->Run(lone, 0).ok());
  EXPECT_EQ((*session)->Output(), (std::vector<float>{1, 2, 3}));
  EXPECT_FALSE((*session)->Check(other).ok());
}

// The shape that the input has for a sample; empty where the sample is refused.
Shape InputFor(const Shape& model, const Shape& sample) {
  test::Builder b;
  b.g().outputs = {b.Node("relu", "y", {b.Input("x", {DType::kF32, model, {}})})};
  auto session = Session::FromBytes(*exporter::Export(b.model), {});
  EXPECT_TRUE(session.ok());
  const Status fits = (*session)->Check(test::Samples(sample, std::vector<float>(static_cast<size_t>(sample.elements()))));
  return fits.ok() ? (*session)->interpreter().input(0).type->shape : Shape();
}

// Recurrent models of PyTorch and ONNX have their steps first.
TEST(Session, TheBatchIsWhereTheModelHasIt) {
  EXPECT_EQ(InputFor({kUnknown, 4}, {4}), (Shape{1, 4}));
  EXPECT_EQ(InputFor({3, kUnknown, 2}, {3, 2}), (Shape{3, 1, 2}));
  EXPECT_EQ(InputFor({3, 1, 2}, {3, 2}), (Shape{3, 1, 2}));
  EXPECT_EQ(InputFor({3, 1, 2}, {3, 1, 2}), (Shape{3, 1, 2}));
  EXPECT_EQ(InputFor({kUnknown, kUnknown, 2}, {3, 1, 2}), (Shape{3, 1, 2}));
  EXPECT_EQ(InputFor({3, kUnknown, 2}, {5, 2}), (Shape{1, 5, 2}));  // Three sequences at a time.
  EXPECT_EQ(InputFor({3, 1, 2}, {4, 2}), Shape());
}

}  // namespace
}  // namespace octet::quantizer
