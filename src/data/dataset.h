// SPDX-License-Identifier: Apache-2.0
// Labelled or unlabelled samples for calibration, gate and diagnosis, read as they are needed.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::data {

// Thread-safe to read.
class Dataset {
 public:
  // `path` is an .npz with `x` (or one array per input) and optionally `y`. Errors name what is wrong:
  // no samples, arrays of unequal length, object arrays, big endian.
  static Result<std::unique_ptr<Dataset>> Open(const std::string& path);
  virtual ~Dataset() = default;

  virtual const std::string& path() const = 0;
  virtual int64_t size() const = 0;                  // Samples; at least 1.
  virtual int num_inputs() const = 0;
  virtual const std::string& input_name(int i) const = 0;  // "x", or the input's own name.
  virtual TensorType input_type(int i) const = 0;    // Shape of one sample, without the first dimension.
  // Sample `index` of input i, in the data's own element type.
  virtual std::span<const std::byte> sample(int i, int64_t index) const = 0;
  virtual bool has_labels() const = 0;
  virtual int64_t label(int64_t index) const = 0;    // Only with labels: y as an integer class.
};

}  // namespace octet::data
