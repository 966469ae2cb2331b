// SPDX-License-Identifier: Apache-2.0
// Values that a model is given, against the range that its metadata promise: a forgotten or doubled normalisation
// shows here before anybody wonders about the answers.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "tflite/metadata.h"

namespace octet::tflite {

class ValueCheck {
 public:
  explicit ValueCheck(const InputMetadata& in);
  bool promised() const { return promised_; }  // Do the metadata name one range for all values?

  // float32 values; of many at most kMostValues, evenly spread.
  void Add(std::span<const std::byte> floats);
  void Restart();
  // More values lie outside of the promised range than accidents explain.
  bool outside() const;
  // All lie in a corner of it, as where a scale was forgotten; of one sample that may be chance.
  bool narrow() const;
  std::string Text() const;  // What was expected, what was found.

 private:
  static constexpr size_t kMostValues = 1 << 16;
  bool promised_;
  double low_ = 0, high_ = 0;
  double least_ = std::numeric_limits<double>::infinity(), most_ = -std::numeric_limits<double>::infinity();
  int64_t count_ = 0, outside_ = 0;
};

}  // namespace octet::tflite
