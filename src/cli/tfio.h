// SPDX-License-Identifier: Apache-2.0
// Recorded runs of a model (.io files, version 1): inputs, expected outputs, tolerances. Little endian.
#pragma once
#include <string>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::cli::tfio {

struct Tensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> bytes;
};

enum class Mode : uint8_t { kBytes = 0, kTolerance = 1, kShape = 2 };

struct Output {
  Tensor tensor;
  Mode mode = Mode::kBytes;
  float atol = 0, rtol = 0;
};

struct Run {
  std::string signature;   // Empty: subgraph 0, in graph order.
  bool reset = false;      // Variables to zero first.
  bool must_fail = false;  // Loading, allocating or invoking has to be refused; no outputs.
  std::vector<Tensor> inputs;
  std::vector<Output> outputs;
};

Result<std::vector<Run>> Read(const std::string& path);

}  // namespace octet::cli::tfio
