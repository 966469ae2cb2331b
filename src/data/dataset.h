// SPDX-License-Identifier: Apache-2.0
// Labelled or unlabelled samples for calibration, gate and diagnosis, read as they are needed.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "data/preprocess.h"

namespace octet::data {

// Thread-safe to read.
class Dataset {
 public:
  // `path` is one of
  //   an .npz with `x` (or one array per input) and optionally `y`;
  //   a folder of class folders, or of samples: .png .jpg .jpeg .wav .npy .npz, with a labels.csv of
  //   "file,label" where there are no class folders; labels are the positions of the sorted class names;
  //   a .csv with one sample per row; a column called label, class or y holds the labels.
  // Errors name what is wrong: no samples, arrays of unequal length, object arrays, big endian.
  static Result<std::unique_ptr<Dataset>> Open(const std::string& path, const Preprocess& preprocess = {});
  virtual ~Dataset() = default;

  virtual const std::string& path() const = 0;
  virtual int64_t size() const = 0;                  // Samples; at least 1.
  virtual int num_inputs() const = 0;
  virtual const std::string& input_name(int i) const = 0;  // "x", or the input's own name.
  virtual TensorType input_type(int i) const = 0;    // Shape of one sample, without the first dimension.
  // Sample `index` of input i, in the data's own element type.
  virtual std::span<const std::byte> sample(int i, int64_t index) const = 0;
  virtual bool has_shape() const { return true; }    // False for rows of a table: any shape of that many values.
  virtual bool has_labels() const = 0;
  virtual int64_t label(int64_t index) const = 0;    // Only with labels: y as an integer class.
  virtual bool has_targets() const { return has_labels(); }      // y of any form, as numbers.
  virtual Shape target_shape() const { return {}; }
  virtual std::vector<double> target(int64_t index) const { return {static_cast<double>(label(index))}; }
  virtual std::span<const std::string> class_names() const { return {}; }  // Of class folders.
};

}  // namespace octet::data
