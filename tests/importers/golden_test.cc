// SPDX-License-Identifier: Apache-2.0
// Every model of data/golden (scripts/golden_fixtures.py): imported, optimised, written, run on two inputs in a row, and
// compared with what the framework that wrote it gave.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/strings.h"
#include "data/npz.h"
#include "importers/importer.h"
#include "passes/pass.h"
#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/samples.h"

namespace octet::importers {
namespace {

const std::string kFolder = std::string(OCTET_SOURCE_DIR) + "/tests/importers/data/golden/";

std::vector<std::string> Models() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder))
    if (entry.path().extension() != ".npz") names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

class Golden : public testing::TestWithParam<std::string> {};

void Compare(const data::Array& want, const runtime::TensorRef& got) {
  ASSERT_EQ(got.type->shape, want.shape);
  ASSERT_EQ(got.type->dtype, want.dtype);
  if (want.dtype != DType::kF32) {
    ASSERT_EQ(got.bytes, want.bytes.size());
    EXPECT_EQ(std::memcmp(got.data, want.bytes.data(), got.bytes), 0);
    return;
  }
  for (int64_t k = 0; k < want.shape.elements(); ++k) {
    const double w = data::ElementAt(want, k), g = static_cast<double>(reinterpret_cast<const float*>(got.data)[k]);
    if (w == g || (std::isnan(w) && std::isnan(g))) continue;  // Infinite, too.
    ASSERT_NEAR(g, w, 1e-5 + 1e-4 * std::fabs(w)) << "element " << k;
  }
}

// Text of fixed width as the archive has it, without the zeros behind it.
std::vector<std::byte> StringBuffer(const data::Array& a) {
  std::vector<StringRef> texts;
  for (int64_t i = 0; i < a.shape.elements(); ++i) {
    std::string_view text(reinterpret_cast<const char*>(a.bytes.data()) + static_cast<size_t>(i) * a.item_bytes, a.item_bytes);
    text = text.substr(0, text.find_last_not_of('\0') + 1);
    texts.push_back({text.data(), text.size()});
  }
  return WriteStrings(texts);
}

TEST_P(Golden, AgreesWithTheSource) {
  const std::string name = GetParam();
  auto model = Import(kFolder + name);
  ASSERT_TRUE(model.ok()) << model.error().message();
  const Status optimized = passes::Optimize(*model);
  ASSERT_TRUE(optimized.ok()) << optimized.message();
  auto archive = data::Archive::Open(kFolder + std::filesystem::path(name).stem().string() + ".npz");
  ASSERT_TRUE(archive.ok());
  test::Runner runner(*model);
  for (const std::string run : {"0", "1"}) {
    for (int i = 0; i < runner.it->num_inputs(); ++i) {
      const data::Array* in = (*archive)->Find(run + "in" + std::to_string(i));
      ASSERT_NE(in, nullptr);
      ASSERT_TRUE(runner.it->Resize(i, in->shape).ok());
    }
    ASSERT_TRUE(runner.it->Allocate().ok());
    for (int i = 0; i < runner.it->num_inputs(); ++i) {
      const data::Array* in = (*archive)->Find(run + "in" + std::to_string(i));
      if (in->dtype == DType::kString) {
        ASSERT_TRUE(runner.it->SetStrings(i, StringBuffer(*in)).ok());
        continue;
      }
      ASSERT_EQ(runner.it->input(i).bytes, in->bytes.size());
      std::memcpy(runner.it->input(i).data, in->bytes.data(), in->bytes.size());
    }
    const Status status = runner.it->Invoke();
    ASSERT_TRUE(status.ok()) << status.message();
    for (int i = 0; i < runner.it->num_outputs(); ++i) {
      SCOPED_TRACE("run " + run + " output " + std::to_string(i));
      const data::Array* want = (*archive)->Find(run + "out" + std::to_string(i));
      ASSERT_NE(want, nullptr);
      Compare(*want, runner.it->output(i));
    }
  }
}

// 0/0 has no range, and integers refuse to divide by zero, wherever it is thrown away.
TEST(Quotients, AreComputedInIntegers) {
  auto model = Import(kFolder + "quotients");
  ASSERT_TRUE(model.ok() && passes::Optimize(*model).ok());
  std::vector<float> pixels = test::RandomFloats(32 * 12, 5);
  for (float& v : pixels) v = std::max(v, 0.0f);
  const auto quantized = quantizer::QuantizeInt8(*model, test::Samples(Shape{2, 2, 3}, pixels), {}, {});
  ASSERT_TRUE(quantized.ok()) << quantized.error().message();
  test::Runner runner(quantized->model);
  for (const float grey : {0.0f, 0.3f, 1.0f})
    for (const size_t hue_or_saturation : {0u, 1u}) EXPECT_NEAR(runner.Run(std::vector<float>(12, grey))[hue_or_saturation], 0, 0.01f);
}

INSTANTIATE_TEST_SUITE_P(Importers, Golden, testing::ValuesIn(Models()), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

}  // namespace
}  // namespace octet::importers
