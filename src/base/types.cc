// SPDX-License-Identifier: Apache-2.0
#include "base/types.h"

#include <algorithm>

namespace octet {
namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name, numpy;
  int bits;
};

constexpr DTypeRow kDTypes[] = {
    {DType::kF32, "f32", "float32", 32},      {DType::kF16, "f16", "float16", 16},
    {DType::kI32, "i32", "int32", 32},        {DType::kU8, "u8", "uint8", 8},
    {DType::kI64, "i64", "int64", 64},        {DType::kString, "str", "string", 8 * sizeof(StringRef)},
    {DType::kBool, "bool", "bool", 8},        {DType::kI16, "i16", "int16", 16},
    {DType::kC64, "c64", "complex64", 64},    {DType::kI8, "i8", "int8", 8},
    {DType::kF64, "f64", "float64", 64},      {DType::kC128, "c128", "complex128", 128},
    {DType::kU64, "u64", "uint64", 64},       {DType::kResource, "resource", "resource", 8 * sizeof(ResourceId)},
    {DType::kVariant, "variant", "variant", 0}, {DType::kU32, "u32", "uint32", 32},
    {DType::kU16, "u16", "uint16", 16},       {DType::kI4, "i4", "int4", 4},
    {DType::kBF16, "bf16", "bfloat16", 16},   {DType::kI2, "i2", "int2", 2},
    {DType::kU4, "u4", "uint4", 4},           {DType::kNone, "none", "none", 0},
};

const DTypeRow& Row(DType t) {
  const auto i = static_cast<size_t>(t);
  return i < std::size(kDTypes) - 1 ? kDTypes[i] : kDTypes[std::size(kDTypes) - 1];
}

}  // namespace

std::string_view Name(DType t) { return Row(t).name; }
std::string_view NumpyName(DType t) { return Row(t).numpy; }
int BitsOf(DType t) { return Row(t).bits; }

DType DTypeFromName(std::string_view short_name) {
  for (const DTypeRow& row : kDTypes)
    if (row.name == short_name) return row.dtype;
  return DType::kNone;
}

bool Shape::known() const {
  return std::ranges::none_of(dims(), [](int32_t d) { return d == kUnknown; });
}

int64_t Shape::elements(int begin, int end) const {
  int64_t n = 1;  // Shapes of files may name more than 2^63 elements: those have no memory, but are asked.
  for (int i = begin; i < end; ++i)
    if (__builtin_mul_overflow(n, int64_t{dim_[i]}, &n)) n = INT64_MAX;
  return n;
}

// Calls of subgraphs compare a few small ones in every round: a loop is quicker than memcmp.
bool Shape::operator==(const Shape& o) const {
  if (rank_ != o.rank_) return false;
  for (int i = 0; i < rank_; ++i)
    if (dim_[i] != o.dim_[i]) return false;
  return true;
}

std::string Shape::text() const {
  std::string s = "[";
  for (int i = 0; i < rank_; ++i) {
    if (i) s += ',';
    s += dim_[i] == kUnknown ? "?" : std::to_string(dim_[i]);
  }
  return s + "]";
}

bool CheckedBytes(DType dtype, const Shape& shape, uint64_t* bytes) {
  uint64_t bits = static_cast<uint64_t>(BitsOf(dtype));
  for (int32_t d : shape.dims()) {
    if (d < 0 || __builtin_mul_overflow(bits, static_cast<uint64_t>(d), &bits)) return false;
  }
  if (bits > UINT64_MAX / 2) return false;
  *bytes = (bits + 7) / 8;
  return *bytes <= SIZE_MAX / 2;
}

}  // namespace octet
