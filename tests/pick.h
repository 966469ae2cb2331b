// SPDX-License-Identifier: Apache-2.0
// Random whole numbers for tests: the same ones with every standard library, where its distributions may differ.
#pragma once
#include <cstdint>
#include <random>
#include <type_traits>

namespace octet::test {

// pick(low, high) is one of these or between them, pick(most) from 1 to most. `random` must outlive it.
template <class T, class Random> class Picker {
 public:
  explicit Picker(Random& random) : random_(random) {}
  T operator()(T low, T high) const {
    using Unsigned = std::make_unsigned_t<T>;
    const Unsigned count = static_cast<Unsigned>(high) - static_cast<Unsigned>(low) + 1;
    return low + static_cast<T>(random_() % count);
  }
  T operator()(T most) const { return (*this)(1, most); }

 private:
  Random& random_;
};

template <class T = int32_t, class Random> Picker<T, Random> PickFrom(Random& random) { return Picker<T, Random>(random); }

}  // namespace octet::test
