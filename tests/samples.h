// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "data/dataset.h"

namespace octet::test {

// A data set in memory.
class Samples : public data::Dataset {
 public:
  Samples(Shape sample, std::vector<float> values) : sample_(sample), values_(std::move(values)) {}
  const std::string& path() const override { return name_; }
  int64_t size() const override { return static_cast<int64_t>(values_.size()) / sample_.elements(); }
  int num_inputs() const override { return 1; }
  const std::string& input_name(int) const override { return name_; }
  TensorType input_type(int) const override { return {DType::kF32, sample_, {}}; }
  std::span<const std::byte> sample(int, int64_t i) const override {
    return std::as_bytes(std::span(values_)).subspan(static_cast<size_t>(i * sample_.elements() * 4), static_cast<size_t>(sample_.elements() * 4));
  }
  bool has_labels() const override { return false; }
  int64_t label(int64_t) const override { return 0; }

 private:
  std::string name_ = "x";
  Shape sample_;
  std::vector<float> values_;
};

}  // namespace octet::test
