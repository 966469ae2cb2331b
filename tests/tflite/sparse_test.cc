// SPDX-License-Identifier: Apache-2.0
// Sparse constants: compressed rows, blocks, orders of storage, and lists that lie.
#include "tflite/sparse.h"

#include <gtest/gtest.h>

#include <cstring>

#include "schema_generated.h"

namespace octet::tflite {
namespace {

struct Level {
  int32_t dense = 0;  // 0: sparse.
  std::vector<int32_t> segments = {}, indices = {};
};

struct Sparse {
  std::vector<int32_t> order, blocks;
  std::vector<Level> levels;

  Result<std::vector<int8_t>> Dense(Shape shape, const std::vector<int8_t>& values) const {
    flatbuffers::FlatBufferBuilder b;
    std::vector<flatbuffers::Offset<fb::DimensionMetadata>> metadata;
    for (const Level& level : levels) {
      if (level.dense > 0) {
        metadata.push_back(fb::CreateDimensionMetadata(b, fb::DimensionType::DENSE, level.dense));
        continue;
      }
      std::vector<uint16_t> narrow(level.segments.begin(), level.segments.end());  // Lists come in several widths.
      const auto segments = fb::CreateUint16Vector(b, b.CreateVector(narrow)).Union();
      const auto indices = fb::CreateInt32Vector(b, b.CreateVector(level.indices)).Union();
      metadata.push_back(fb::CreateDimensionMetadata(b, fb::DimensionType::SPARSE_CSR, 0, fb::SparseIndexVector::Uint16Vector, segments,
                                                     fb::SparseIndexVector::Int32Vector, indices));
    }
    b.Finish(fb::CreateSparsityParameters(b, b.CreateVector(order), b.CreateVector(blocks), b.CreateVector(metadata)));
    const auto* s = flatbuffers::GetRoot<fb::SparsityParameters>(b.GetBufferPointer());
    const auto bytes = static_cast<uint64_t>(shape.elements());
    auto words = Densify(*s, {DType::kI8, shape, {}}, std::as_bytes(std::span(values)), bytes);
    if (!words.ok()) return std::move(words).status();
    std::vector<int8_t> dense(bytes);
    std::memcpy(dense.data(), words->data(), bytes);
    return dense;
  }
};

TEST(Sparse, CompressedRows) {
  const Sparse s{{0, 1}, {}, {{3}, {0, {0, 2, 2, 3}, {0, 3, 1}}}};
  auto dense = s.Dense({3, 4}, {1, 2, 3});
  ASSERT_TRUE(dense.ok()) << dense.error().message();
  EXPECT_EQ(*dense, (std::vector<int8_t>{1, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0}));
}

TEST(Sparse, CompressedColumns) {
  const Sparse s{{1, 0}, {}, {{2}, {0, {0, 1, 3}, {2, 0, 1}}}};
  auto dense = s.Dense({3, 2}, {1, 2, 3});
  ASSERT_TRUE(dense.ok()) << dense.error().message();
  EXPECT_EQ(*dense, (std::vector<int8_t>{0, 2, 0, 3, 1, 0}));
}

TEST(Sparse, BlocksOfAColumn) {
  const Sparse s{{0, 1, 2}, {1}, {{2}, {0, {0, 1, 2}, {1, 0}}, {2}}};  // Blocks of 1 x 2.
  auto dense = s.Dense({2, 4}, {1, 2, 3, 4});
  ASSERT_TRUE(dense.ok()) << dense.error().message();
  EXPECT_EQ(*dense, (std::vector<int8_t>{0, 0, 1, 2, 3, 4, 0, 0}));
}

TEST(Sparse, BlocksOfBothDimensions) {
  const Sparse s{{0, 1, 2, 3}, {0, 1}, {{2}, {0, {0, 1, 2}, {1, 0}}, {2}, {2}}};  // Blocks of 2 x 2.
  auto dense = s.Dense({4, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  ASSERT_TRUE(dense.ok()) << dense.error().message();
  EXPECT_EQ(*dense, (std::vector<int8_t>{0, 0, 1, 2, 0, 0, 3, 4, 5, 6, 0, 0, 7, 8, 0, 0}));
}

TEST(Sparse, ListsThatLieAreRefused) {
  const Level rows{3}, good{0, {0, 2, 2, 3}, {0, 3, 1}};
  const std::vector<int8_t> values = {1, 2, 3};
  const Shape shape{3, 4};
  EXPECT_FALSE((Sparse{{0, 0}, {}, {rows, good}}.Dense(shape, values).ok()));                              // No permutation.
  EXPECT_FALSE((Sparse{{0}, {}, {rows}}.Dense(shape, values).ok()));                                       // A level too few.
  EXPECT_FALSE((Sparse{{0, 1}, {}, {Level{4}, good}}.Dense(shape, values).ok()));                          // Another size.
  EXPECT_FALSE((Sparse{{0, 1}, {}, {rows, {0, {0, 2, 1, 3}, {0, 3, 1}}}}.Dense(shape, values).ok()));      // Segments fall.
  EXPECT_FALSE((Sparse{{0, 1}, {}, {rows, {0, {0, 2, 2, 4}, {0, 3, 1}}}}.Dense(shape, values).ok()));      // Beyond the indices.
  EXPECT_FALSE((Sparse{{0, 1}, {}, {rows, {0, {0, 2, 3}, {0, 3, 1}}}}.Dense(shape, values).ok()));         // A row too few.
  EXPECT_FALSE((Sparse{{0, 1}, {}, {rows, {0, {0, 2, 2, 3}, {0, 4, 1}}}}.Dense(shape, values).ok()));      // Index 4 of 4.
  EXPECT_FALSE((Sparse{{0, 1}, {}, {rows, {0, {0, 2, 2, 3}, {0, -1, 1}}}}.Dense(shape, values).ok()));
  EXPECT_FALSE((Sparse{{0, 1}, {}, {rows, good}}.Dense(shape, {1, 2}).ok()));                              // Two values.
  EXPECT_FALSE((Sparse{{0, 1, 2}, {1}, {rows, good, {3}}}.Dense(shape, values).ok()));                     // Blocks of 3 in 4.
  EXPECT_FALSE((Sparse{{0, 1, 2}, {2}, {rows, good, {2}}}.Dense(shape, values).ok()));                     // Blocks of no dimension.
}

}  // namespace
}  // namespace octet::tflite
