// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>

#include "ops/op_def.h"

namespace octet::ops {
namespace {

TEST(Vectors, EveryOperatorHasOne) {
  const std::filesystem::path folder = std::filesystem::path(OCTET_SOURCE_DIR) / "tests/ops/vectors";
  for (const OpDef* def : Defs()) {
    std::string name(def->custom_name);
    if (name.empty())
      for (const char c : def->name) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    EXPECT_TRUE(std::filesystem::exists(folder / name / "0.io")) << "scripts/op_vectors.py makes no vector for " << name;
  }
}

}  // namespace
}  // namespace octet::ops
