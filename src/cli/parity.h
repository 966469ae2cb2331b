// SPDX-License-Identifier: Apache-2.0
// octet diagnose SOURCE MODEL... without quantization in mind.
#pragma once
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/source.h"

namespace octet::cli {

struct ParityFlags {
  std::string source;
  std::vector<std::string> models;
  std::string data, preprocess, tolerance;  // Data empty: random numbers.
  SourceFlags reading;
  int samples = 0;
  bool json = false;
};

// Exit code 1 when a layer of a model differs from the source's.
Result<int> CompareWithSource(const ParityFlags& f);

}  // namespace octet::cli
