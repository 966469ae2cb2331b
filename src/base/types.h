// SPDX-License-Identifier: Apache-2.0
// Element types, shapes and quantization of a tensor: what is known before any data exists.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/shared_list.h"

namespace octet {

// The numbers are those of TensorType in the .tflite schema.
enum class DType : uint8_t {
  kF32 = 0, kF16 = 1, kI32 = 2, kU8 = 3, kI64 = 4, kString = 5, kBool = 6, kI16 = 7, kC64 = 8,
  kI8 = 9, kF64 = 10, kC128 = 11, kU64 = 12, kResource = 13, kVariant = 14, kU32 = 15, kU16 = 16,
  kI4 = 17, kBF16 = 18, kI2 = 19, kU4 = 20,
  kNone = 255,
};

std::string_view Name(DType);        // Short: "f32", "i8"; the language of TypeRow and of the text form.
std::string_view NumpyName(DType);   // As users write it: "float32", "int8".
DType DTypeFromName(std::string_view short_name);  // kNone when there is none of that name.
int BitsOf(DType);                   // Of an element in memory: 4 for kI4; 0 for kVariant, kNone.
inline bool IsFloat(DType t) { return t == DType::kF32 || t == DType::kF16 || t == DType::kF64 || t == DType::kBF16; }

// An element of a string tensor in memory, so that what moves elements moves strings too; the characters
// belong to whoever made the tensor. Files hold all of a tensor's strings in one buffer (base/strings.h).
struct StringRef {
  const char* data = nullptr;
  uint64_t size = 0;
  std::string_view view() const { return {data, size}; }
  bool operator==(const StringRef& o) const { return view() == o.view(); }
};
using ResourceId = int32_t;  // An element of a resource tensor: which variable or table.

template <class T> constexpr DType DTypeOf = DType::kNone;
template <> inline constexpr DType DTypeOf<float> = DType::kF32;
template <> inline constexpr DType DTypeOf<double> = DType::kF64;
template <> inline constexpr DType DTypeOf<int8_t> = DType::kI8;
template <> inline constexpr DType DTypeOf<uint8_t> = DType::kU8;
template <> inline constexpr DType DTypeOf<int16_t> = DType::kI16;
template <> inline constexpr DType DTypeOf<uint16_t> = DType::kU16;
template <> inline constexpr DType DTypeOf<int32_t> = DType::kI32;
template <> inline constexpr DType DTypeOf<uint32_t> = DType::kU32;
template <> inline constexpr DType DTypeOf<int64_t> = DType::kI64;
template <> inline constexpr DType DTypeOf<uint64_t> = DType::kU64;
template <> inline constexpr DType DTypeOf<bool> = DType::kBool;
template <> inline constexpr DType DTypeOf<StringRef> = DType::kString;

inline constexpr int kMaxRank = 8;        // Every kernel of LiteRT stops earlier.
inline constexpr int32_t kUnknown = -1;   // A dimension that is only known when the model runs.

// Dimensions, outermost first. Images are [batch, height, width, channels].
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int32_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int32_t> dims) {
    for (int32_t d : dims) push_back(d);
  }

  int rank() const { return rank_; }
  int32_t operator[](int i) const { return dim_[i]; }
  int32_t& operator[](int i) { return dim_[i]; }
  // back(1) is the last dimension; 1 where there is none: a scalar, or what broadcasting puts before the first.
  int32_t back(int i = 1) const { return i >= 1 && i <= rank_ ? dim_[rank_ - i] : 1; }
  std::span<const int32_t> dims() const { return {dim_.data(), static_cast<size_t>(rank_)}; }
  void push_back(int32_t d) {  // Callers check the rank of what comes from a file first.
    if (rank_ < kMaxRank) dim_[rank_++] = d;
  }
  bool known() const;                                   // No dimension is kUnknown.
  int64_t elements() const { return elements(0, rank_); }  // Only when known; 1 for a scalar.
  int64_t elements(int begin, int end) const;              // Product of the dimensions [begin, end).
  bool operator==(const Shape& o) const;
  std::string text() const;  // "[1,28,28,3]", "?" where unknown.

 private:
  std::array<int32_t, kMaxRank> dim_{};
  int rank_ = 0;
};

// real = scale * (q - zero_point). Empty: not quantized. One entry: per-tensor. More: per slice of `axis`.
struct Quant {
  SharedList<float> scale;
  SharedList<int32_t> zero_point;
  int32_t axis = 0;
  int32_t block_size = 0;  // > 0: one scale per so many elements of the last dimension, row by row.

  bool empty() const { return scale.empty(); }
  bool per_channel() const { return scale.several(); }
  float scale0() const { return scale.first_or_zero(); }
  int32_t zero0() const { return zero_point.first_or_zero(); }
  bool operator==(const Quant&) const = default;
  static Quant PerTensor(float scale, int32_t zero_point) { return {{scale}, {zero_point}, 0, 0}; }
};

struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;
  Quant quant;
};

// Bytes of a dense tensor, rounded up for packed 4-bit types. False when the shape is unknown, a
// dimension is negative, or the product does not fit: sizes come from files and are not trusted.
bool CheckedBytes(DType dtype, const Shape& shape, uint64_t* bytes);

}  // namespace octet
