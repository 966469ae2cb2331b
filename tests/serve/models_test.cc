// SPDX-License-Identifier: Apache-2.0
// The models that the tests of the server serve, written where OCTET_TEST_MODELS says (serve_test.py and kin set it).
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "importers/importer.h"
#include "tests/model_builder.h"

namespace octet::test {
namespace {

void Write(Builder& b, const std::string& path) {
  const auto bytes = exporter::Export(b.model);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  ASSERT_TRUE(WriteFile(path, *bytes).ok());
}

// One input and output of every type that the protocol has: [2,3] goes in, [3,2] comes out.
void WriteTypes(const std::string& path) {
  Builder b;
  const TensorId shape = b.Constant<int32_t>("shape", Shape{2}, {3, 2});
  for (const DType t : {DType::kBool, DType::kU8, DType::kU16, DType::kU32, DType::kU64, DType::kI8, DType::kI16, DType::kI32, DType::kI64, DType::kF16,
                        DType::kBF16, DType::kF32, DType::kF64, DType::kString}) {
    const std::string name(NumpyName(t));
    const TensorId x = b.Input("in_" + name, {t, Shape{2, 3}, {}});
    b.g().outputs.push_back(b.Node("reshape", "out_" + name, {x, shape}, {t, {}, {}}));
  }
  Write(b, path);
}

// y = x + constant: tells one file from the next.
void WriteAdd(const std::string& path, float constant) {
  Builder b;
  const TensorId x = b.Input("x", {DType::kF32, Shape{1, 4}, {}});
  const TensorId c = b.Constant<float>("c", Shape{4}, std::vector<float>(4, constant));
  b.g().outputs.push_back(b.Node("add", "y", {x, c}));
  Write(b, path);
}

// Some milliseconds of convolutions.
void WriteSlow(const std::string& path) {
  Builder b;
  TensorId x = b.Input("image", {DType::kF32, Shape{1, 64, 64, 16}, {}});
  for (int i = 0; i < 3; ++i) x = b.Conv("conv" + std::to_string(i), x, 32, 5, static_cast<uint32_t>(i));
  b.g().outputs.push_back(x);
  Write(b, path);
}

// total = count += x, the count begins with 5: a variable that ASSIGN_VARIABLE writes.
void WriteCounter(const std::string& path) {
  const auto model = importers::Import(std::string(OCTET_SOURCE_DIR) + "/tests/importers/data/counter");
  ASSERT_TRUE(model.ok()) << model.error().message();
  ASSERT_TRUE(exporter::ExportFile(*model, path).ok());
}

TEST(ServeModels, Write) {
  const char* folder = std::getenv("OCTET_TEST_MODELS");
  const std::string to = folder ? folder : testing::TempDir();
  std::filesystem::create_directories(to);
  WriteTypes(to + "/types.tflite");
  WriteAdd(to + "/add1.tflite", 1);
  WriteAdd(to + "/add2.tflite", 2);
  WriteSlow(to + "/slow.tflite");
  WriteCounter(to + "/counter.tflite");
}

}  // namespace
}  // namespace octet::test
