// SPDX-License-Identifier: Apache-2.0
// Samples that alone would set the range of a model's input: one bad recording makes every int8 step of the first
// layers coarse for all others.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"

namespace octet::quantizer {

struct LoneSamples {
  std::vector<int64_t> samples;       // Ascending.
  std::vector<std::string> warnings;  // One each, in words.
};

// Among the first `count`: what reaches more than three times as far as all but a hundredth of the samples do.
LoneSamples FindLoneSamples(const data::Dataset& data, int64_t count);

// The first `count` samples of a data set, without some.
class Without : public data::Dataset {
 public:
  Without(const data::Dataset& data, int64_t count, const std::vector<int64_t>& left_out);
  const std::string& path() const override { return data_.path(); }
  int64_t size() const override { return static_cast<int64_t>(kept_.size()); }
  int num_inputs() const override { return data_.num_inputs(); }
  const std::string& input_name(int i) const override { return data_.input_name(i); }
  TensorType input_type(int i) const override { return data_.input_type(i); }
  std::span<const std::byte> sample(int i, int64_t index) const override { return data_.sample(i, Kept(index)); }
  bool has_shape() const override { return data_.has_shape(); }
  bool has_labels() const override { return data_.has_labels(); }
  int64_t label(int64_t index) const override { return data_.label(Kept(index)); }
  bool has_targets() const override { return data_.has_targets(); }
  Shape target_shape() const override { return data_.target_shape(); }
  std::vector<double> target(int64_t index) const override { return data_.target(Kept(index)); }
  std::span<const std::string> class_names() const override { return data_.class_names(); }

 private:
  int64_t Kept(int64_t index) const { return kept_[static_cast<size_t>(index)]; }
  const data::Dataset& data_;
  std::vector<int64_t> kept_;
};

}  // namespace octet::quantizer
