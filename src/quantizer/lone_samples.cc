// SPDX-License-Identifier: Apache-2.0
#include "quantizer/lone_samples.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace octet::quantizer {
namespace {

constexpr int64_t kFewest = 16;   // Of fewer samples none is an exception.
constexpr int64_t kOneIn = 100;   // At most so many are.
constexpr float kFurther = 3;     // Times the others' reach.

// Largest magnitude; what is no number is somebody else's to refuse.
float Reach(std::span<const std::byte> bytes) {
  float most = 0;
  for (size_t k = 0; k + sizeof(float) <= bytes.size(); k += sizeof(float)) {
    float v;
    std::memcpy(&v, bytes.data() + k, sizeof(float));
    most = std::max(most, std::abs(v));
  }
  return most;
}

}  // namespace

LoneSamples FindLoneSamples(const data::Dataset& data, int64_t count) {
  LoneSamples found;
  if (count < kFewest) return found;
  for (int i = 0; i < data.num_inputs(); ++i) {
    if (data.input_type(i).dtype != DType::kF32) continue;
    std::vector<float> reach(static_cast<size_t>(count));
    for (int64_t s = 0; s < count; ++s) reach[static_cast<size_t>(s)] = Reach(data.sample(i, s));
    std::vector<int64_t> order(reach.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    std::ranges::stable_sort(order, std::greater(), [&](int64_t s) { return reach[static_cast<size_t>(s)]; });
    const auto most = static_cast<size_t>(std::max<int64_t>(1, count / kOneIn));
    const float others = reach[static_cast<size_t>(order[most])];
    for (size_t k = 0; k < most; ++k) {
      const int64_t s = order[k];
      const float far = reach[static_cast<size_t>(s)];
      if (!(others > 0) || !std::isfinite(far) || far <= kFurther * others || std::ranges::find(found.samples, s) != found.samples.end()) continue;
      found.samples.push_back(s);
      found.warnings.push_back(
          Format("sample %lld alone would set the range of input '%s': %.3g, the others reach %.3g; it is left out, --repair none keeps it",
                 static_cast<long long>(s), data.input_name(i).c_str(), static_cast<double>(far), static_cast<double>(others)));
    }
  }
  std::ranges::sort(found.samples);
  return found;
}

Without::Without(const data::Dataset& data, int64_t count, const std::vector<int64_t>& left_out) : data_(data) {
  for (int64_t s = 0; s < count; ++s)
    if (!std::ranges::binary_search(left_out, s)) kept_.push_back(s);
}

}  // namespace octet::quantizer
