// SPDX-License-Identifier: Apache-2.0
#include "quantizer/statistics_cache.h"

#include <filesystem>
#include <string>
#include <vector>

#include "exporter/exporter.h"
#include "quantizer/calibrate.h"
#include "quantizer/quantize.h"
#include "tests/model_builder.h"
#include "tests/quantizer/models.h"
#include "tests/samples.h"

namespace octet::quantizer {
namespace {

using test::Builder;
using test::Samples;

TEST(StatisticsCache, KeepsEverythingAndTrustsNothing) {
  Builder b = SpreadModel(3.0f);
  const Samples data = TrainingSamples(8), other{Shape{6, 6, 3}, test::RandomFloats(8 * 108, 22)};
  const Statistics seen = *Calibrate(b.model, data, {0, 8, 1}, true, {});
  const std::vector<std::byte> bytes = Serialize(seen);
  const std::optional<Statistics> read = ParseStatistics(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(Serialize(*read), bytes);
  EXPECT_EQ(read->at("dw").channel_mean, seen.at("dw").channel_mean);
  for (size_t cut = 0; cut < bytes.size(); cut += 97) EXPECT_FALSE(ParseStatistics(std::span(bytes).first(cut)));
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(ParseStatistics(longer));
  const std::vector<std::byte> model = *exporter::Export(b.model), changed = *exporter::Export(SpreadModel(4.0f).model);
  const std::string name = CacheName(model, data, {0, 8, 1}, true);
  EXPECT_EQ(name, CacheName(model, TrainingSamples(8), {0, 8, 1}, true));
  EXPECT_NE(name, CacheName(changed, data, {0, 8, 1}, true));
  EXPECT_NE(name, CacheName(model, other, {0, 8, 1}, true));
  EXPECT_NE(name, CacheName(model, data, {0, 8, 2}, true));
  EXPECT_NE(name, CacheName(model, data, {0, 8, 1}, false));
}

TEST(StatisticsCache, SecondRunIsTheSameFile) {
  std::string folder = testing::TempDir() + "octet_cache_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  Builder b = SpreadModel(3.0f);
  QuantizeOptions options;
  options.cache = folder;
  const Samples data = TrainingSamples(32);
  auto first = QuantizeInt8(b.model, data, options, {}), second = QuantizeInt8(b.model, data, options, {}), plain = QuantizeInt8(b.model, data, {}, {});
  ASSERT_TRUE(first.ok() && second.ok() && plain.ok());
  EXPECT_EQ(*exporter::Export(first->model), *exporter::Export(second->model));
  EXPECT_EQ(*exporter::Export(first->model), *exporter::Export(plain->model));
  const auto files = [&] { return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()); };
  const auto kept = files();
  EXPECT_GT(kept, 0);
  const Samples other(Shape{6, 6, 3}, test::RandomFloats(32 * 108, 77));  // Other data: nothing that is kept is taken for it.
  EXPECT_EQ(*exporter::Export(QuantizeInt8(b.model, other, options, {})->model), *exporter::Export(QuantizeInt8(b.model, other, {}, {})->model));
  EXPECT_GT(files(), kept);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace octet::quantizer
