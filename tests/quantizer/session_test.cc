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

}  // namespace
}  // namespace octet::quantizer
