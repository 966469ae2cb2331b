// SPDX-License-Identifier: Apache-2.0
#include "serve/shadow.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/float16.h"

namespace octet::serve {
namespace {

constexpr double kFloatTolerance = 0.02;

template <class T> T At(std::span<const std::byte> bytes, size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

double RealAt(DType dtype, std::span<const std::byte> bytes, size_t i) {
  switch (dtype) {
    case DType::kF16: return F16ToF32(At<uint16_t>(bytes, i));
    case DType::kBF16: return BF16ToF32(At<uint16_t>(bytes, i));
    case DType::kF64: return At<double>(bytes, i);
    default: return At<float>(bytes, i);
  }
}

bool SameReals(DType dtype, std::span<const std::byte> a, std::span<const std::byte> b) {
  const size_t n = a.size() * 8 / static_cast<size_t>(BitsOf(dtype));
  double largest = 0, difference = 0;
  for (size_t i = 0; i < n; ++i) {
    const double x = RealAt(dtype, a, i), y = RealAt(dtype, b, i);
    if (std::isnan(x) || std::isnan(y)) return false;
    largest = std::max(largest, std::abs(y));
    if (x != y) difference = std::max(difference, std::abs(x - y));  // Infinities that are equal have no difference.
  }
  return difference <= kFloatTolerance * largest + 1e-6;
}

template <class T> bool WithinOne(std::span<const std::byte> a, std::span<const std::byte> b) {
  for (size_t i = 0; i < a.size() / sizeof(T); ++i)
    if (std::abs(int{At<T>(a, i)} - int{At<T>(b, i)}) > 1) return false;
  return true;
}

}  // namespace

bool SameElements(DType dtype, std::span<const std::byte> a, std::span<const std::byte> b, bool exact) {
  if (a.size() != b.size()) return false;
  if (IsFloat(dtype)) return SameReals(dtype, a, b);
  if (!exact && dtype == DType::kI8) return WithinOne<int8_t>(a, b);
  if (!exact && dtype == DType::kU8) return WithinOne<uint8_t>(a, b);
  if (!exact && dtype == DType::kI16) return WithinOne<int16_t>(a, b);
  return std::ranges::equal(a, b);
}

Result<bool> Shadow::Agrees(const Job& job, const Outputs& served) {
  for (const BoundInput& in : job.inputs) {
    if (reference_->input(in.index).type->shape == in.shape) continue;
    ready_ = false;
    OCTET_TRY(reference_->Resize(in.index, in.shape));
  }
  if (!ready_) OCTET_TRY(reference_->Allocate());
  ready_ = true;
  OCTET_TRY(reference_->Restart());
  OCTET_TRY(CopyInputs(job, 0, *reference_));
  OCTET_TRY(reference_->Invoke());
  const Outputs expected(reference_.get(), 0, 1);
  for (int i = 0; i < reference_->num_outputs(); ++i) {
    const DType dtype = reference_->output(i).type->dtype;
    if (!(served.shape(i) == expected.shape(i))) return false;
    if (dtype == DType::kString) {
      OCTET_ASSIGN(const auto a, served.strings(i));
      OCTET_ASSIGN(const auto b, expected.strings(i));
      if (a != b) return false;
    } else if (!SameElements(dtype, served.bytes(i), expected.bytes(i), exact_)) {
      return false;
    }
  }
  return true;
}

}  // namespace octet::serve
