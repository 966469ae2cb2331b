// SPDX-License-Identifier: Apache-2.0
#include "quantizer/diagnose.h"

#include "base/file.h"
#include "exporter/exporter.h"
#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Samples;

// What the input's 256 steps lose shows in no layer: each is good beside what it was given.
TEST(Diagnose, NamesAnInputThatLosesMost) {
  Builder b;
  b.g().outputs = {b.Node("log", "y", {b.Input("x", {DType::kF32, Shape{1, 6, 8}, {}})})};
  QuantizeOptions options;
  options.int8_only = true;
  const std::string in_float = testing::TempDir() + "/diagnosed.tflite", in_int8 = testing::TempDir() + "/diagnosed_int8.tflite";
  ASSERT_TRUE(WriteFile(in_float, *exporter::Export(b.model)).ok());
  std::vector<float> even(64 * 48, 0.0f);
  for (size_t i = 0; i < even.size(); ++i) even[i] = 1 + static_cast<float>(i % 97) / 97;
  for (const auto& [data, named] : {std::pair(Decades(64), true), std::pair(Samples(Shape{6, 8}, even), false)}) {
    const auto quantized = QuantizeInt8(b.model, data, options, {});
    ASSERT_TRUE(quantized.ok()) << quantized.error().message();
    ASSERT_TRUE(WriteFile(in_int8, *exporter::Export(quantized->model)).ok());
    const auto d = Diagnose(in_float, in_int8, data, 0, {});
    ASSERT_TRUE(d.ok()) << d.error().message();
    EXPECT_EQ(Names(d->causes, "the rounding of input 'x'"), named);
  }
}

}  // namespace
}  // namespace octet::quantizer
