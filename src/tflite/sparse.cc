// SPDX-License-Identifier: Apache-2.0
#include "tflite/sparse.h"

#include <cstring>

#include "tflite/schema.h"

namespace octet::tflite {
namespace {

constexpr int kMaxLevels = 2 * kMaxRank;
constexpr int64_t kMostValues = int64_t{1} << 40;

// Segments or indices, in whatever width the file stores them.
class Indices {
 public:
  bool Read(fb::SparseIndexVector type, const void* table) {
    if (!table) return false;  // A union may name a kind and hold nothing.
    switch (type) {
      case fb::SparseIndexVector::Int32Vector: return Set(static_cast<const fb::Int32Vector*>(table)->values());
      case fb::SparseIndexVector::Uint16Vector: return Set(static_cast<const fb::Uint16Vector*>(table)->values());
      case fb::SparseIndexVector::Uint8Vector: return Set(static_cast<const fb::Uint8Vector*>(table)->values());
      default: return false;
    }
  }
  int64_t size() const { return size_; }
  int64_t operator[](int64_t i) const { return width_ == 4 ? At<int32_t>(i) : width_ == 2 ? At<uint16_t>(i) : At<uint8_t>(i); }

 private:
  template <class T> bool Set(const flatbuffers::Vector<T>* v) {
    if (!v) return false;
    data_ = v->Data();
    size_ = v->size();
    width_ = sizeof(T);
    return true;
  }
  template <class T> int64_t At(int64_t i) const {
    T value;
    std::memcpy(&value, data_ + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return value;
  }

  const uint8_t* data_ = nullptr;
  int64_t size_ = 0;
  size_t width_ = 1;
};

struct Level {
  int64_t size = 0;    // Indices lie in [0, size).
  int64_t stride = 0;  // Elements of the dense tensor from one index to the next.
  bool sparse = false;
  Indices segments, indices;
};

class Expansion {
 public:
  Status Read(const fb::SparsityParameters& s, const Shape& shape) {
    const int rank = shape.rank();
    if (!s.traversal_order() || !s.dim_metadata()) return Broken("lists are missing");
    const int64_t blocks = s.block_map() ? s.block_map()->size() : 0;
    levels_ = static_cast<int>(s.traversal_order()->size());
    if (levels_ > kMaxLevels || levels_ != rank + blocks || s.dim_metadata()->size() != s.traversal_order()->size())
      return Broken("it has as many levels as no tensor of this rank");
    int level_of[kMaxLevels];
    std::fill_n(level_of, kMaxLevels, -1);
    for (int i = 0; i < levels_; ++i) {
      const int32_t d = s.traversal_order()->Get(static_cast<uint32_t>(i));
      if (d < 0 || d >= levels_ || level_of[d] >= 0) return Broken("its order is no permutation");
      level_of[d] = i;
    }
    return SetSizes(s, shape, level_of, blocks);
  }

  // Counts what the levels store, and checks segments and indices on the way.
  Status Count(const fb::SparsityParameters& s, int64_t values) {
    int64_t count = 1;
    for (int i = 0; i < levels_; ++i) {
      const fb::DimensionMetadata& m = *s.dim_metadata()->Get(static_cast<uint32_t>(i));
      Level& level = level_[i];
      level.sparse = m.format() == fb::DimensionType::SPARSE_CSR;
      if (!level.sparse) {
        if (m.dense_size() != level.size) return Broken("a dense level has another size than the tensor");
        if (level.size > 0 && count > kMostValues / level.size) return Broken("it names more values than there are");
        count *= level.size;
        continue;
      }
      if (!level.segments.Read(m.array_segments_type(), m.array_segments()) || !level.indices.Read(m.array_indices_type(), m.array_indices()))
        return Broken("a sparse level has no lists");
      OCTET_TRY(CheckLists(level, count));
      count = level.indices.size();
    }
    return count == values ? Status() : Broken("it does not name as many values as there are");
  }

  void Expand(size_t width, const std::byte* values, std::byte* dense) const { Expand(0, 0, 0, width, values, dense); }

 private:
  static Status Broken(const char* what) { return Error(Code::kInvalidModel, "%s", what); }

  Status SetSizes(const fb::SparsityParameters& s, const Shape& shape, const int* level_of, int64_t blocks) {
    const int rank = shape.rank();
    int64_t stride = 1;
    for (int d = rank - 1; d >= 0; --d) {
      level_[level_of[d]].size = shape[d];
      level_[level_of[d]].stride = stride;
      stride *= shape[d];
    }
    for (int b = 0; b < blocks; ++b) {
      const int32_t d = s.block_map()->Get(static_cast<uint32_t>(b));
      if (d < 0 || d >= rank) return Broken("a block belongs to no dimension");
      const fb::DimensionMetadata& m = *s.dim_metadata()->Get(static_cast<uint32_t>(level_of[rank + b]));
      Level &block = level_[level_of[rank + b]], &whole = level_[level_of[d]];
      if (m.format() != fb::DimensionType::DENSE || m.dense_size() < 1 || whole.size % m.dense_size() != 0)
        return Broken("a block does not divide its dimension");
      block.size = m.dense_size();
      block.stride = whole.stride;
      whole.size /= block.size;
      whole.stride *= block.size;
    }
    return {};
  }

  static Status CheckLists(const Level& level, int64_t parents) {
    if (level.segments.size() != parents + 1 || level.segments[0] != 0 || level.segments[parents] != level.indices.size())
      return Broken("the segments of a level do not fit the level before");
    for (int64_t i = 0; i < parents; ++i)
      if (level.segments[i] > level.segments[i + 1]) return Broken("segments fall");
    for (int64_t i = 0; i < level.indices.size(); ++i)
      if (level.indices[i] < 0 || level.indices[i] >= level.size) return Broken("an index lies outside its dimension");
    return {};
  }

  void Expand(int i, int64_t position, int64_t offset, size_t width, const std::byte* values, std::byte* dense) const {
    if (i == levels_) {
      std::memcpy(dense + static_cast<size_t>(offset) * width, values + static_cast<size_t>(position) * width, width);
      return;
    }
    const Level& level = level_[i];
    const int64_t first = level.sparse ? level.segments[position] : position * level.size;
    const int64_t end = level.sparse ? level.segments[position + 1] : first + level.size;
    for (int64_t p = first; p < end; ++p) Expand(i + 1, p, offset + (level.sparse ? level.indices[p] : p - first) * level.stride, width, values, dense);
  }

  Level level_[kMaxLevels];
  int levels_ = 0;
};

}  // namespace

Result<std::vector<uint64_t>> Densify(const fb::SparsityParameters& sparsity, const TensorType& type, std::span<const std::byte> values, uint64_t bytes) {
  const int bits = BitsOf(type.dtype);
  if (bits == 0 || bits % 8 != 0) return Error(Code::kInvalidModel, "its element type cannot be stored sparsely");
  const auto width = static_cast<size_t>(bits) / 8;
  Expansion expansion;
  OCTET_TRY(expansion.Read(sparsity, type.shape));
  if (values.size() % width != 0) return Error(Code::kInvalidModel, "its buffer holds no whole number of values");
  OCTET_TRY(expansion.Count(sparsity, static_cast<int64_t>(values.size() / width)));
  std::vector<uint64_t> dense(bytes / sizeof(uint64_t) + 1);
  if (bytes > 0) expansion.Expand(width, values.data(), reinterpret_cast<std::byte*>(dense.data()));
  return dense;
}

}  // namespace octet::tflite
