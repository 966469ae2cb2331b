// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/fake_quant.h"

#include <gtest/gtest.h>

namespace octet::importers {
namespace {

// What TensorFlow 2.21's ops give next to half a level, of limits -most and most.
TEST(FakeQuant, RoundsAsTensorFlowToTheLastBit) {
  const struct {
    float x, most;
    int level;
    bool per_channel;
  } cases[] = {{0x1.3ff2f8p-5f, 0x1.b9ab5p-2f, 12, true}, {0x1.e7dd6p-3f, 0x1.b76ca6p-2f, 70, true}, {0x1.0f06b6p-4f, 0x1.b94956p-2f, 20, true},
               {-0x1.79ae5ep-7f, 0x1.ac4346p-2f, -3, true}, {-0x1.3dda94p-2f, 0x1.ab2b2ap-2f, -94, false}};
  for (const auto& [x, most, level, per_channel] : cases) {
    const Levels levels = MakeLevels(-most, most, 8, true);
    EXPECT_EQ(per_channel ? levels.RoundOfChannel(x, -most, most) : levels.Round(x), static_cast<float>(level) * levels.scale) << level;
  }
}

}  // namespace
}  // namespace octet::importers
