// SPDX-License-Identifier: Apache-2.0
// Core ML itself, which is part of Apple's systems: runner.mm there, runner_none.cc elsewhere.
#pragma once
#include <memory>
#include <span>

#include "base/status.h"
#include "delegates/coreml/program.h"

namespace octet::coreml {

inline constexpr const char* kNotHere = "Core ML is part of Apple's systems (macOS 14, iOS 17 and later), and this is none";

// An end of the program and the memory that octet has for it.
struct End {
  std::string name;
  Type crossing = Type::kF32;  // Core ML's array: kF32, kF16 or kI32.
  int element_bytes = 4;       // 1: integers or booleans that are widened to int32, and
  bool is_signed = true;       // how.
  Dims dims;
};

class Runner {
 public:
  static bool IsHere();
  // `units`: all, cpu, cpu_gpu, cpu_ane.
  static Result<std::unique_ptr<Runner>> Load(const std::string& package, const std::string& units, std::vector<End> inputs, std::vector<End> outputs);
  virtual ~Runner() = default;
  virtual Status Run(const void* const* in, void* const* out) = 0;
};

}  // namespace octet::coreml
