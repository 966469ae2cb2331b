// SPDX-License-Identifier: Apache-2.0
// Does what was served agree with the reference kernels on the CPU? Asked now and then, after the answer is on its way.
#pragma once
#include <memory>
#include <span>

#include "runtime/interpreter.h"
#include "serve/served_model.h"

namespace octet::serve {

class Shadow {
 public:
  Shadow(std::unique_ptr<runtime::Interpreter> reference, bool exact) : reference_(std::move(reference)), exact_(exact) {}

  // Runs the reference on the job's inputs and compares with what was served. An error: it could not run.
  Result<bool> Agrees(const Job& job, const Outputs& served);

 private:
  std::unique_ptr<runtime::Interpreter> reference_;
  bool exact_;          // Integers to the bit; else by one step, as delegates may.
  bool ready_ = false;  // Allocated for the shapes it has.
};

// Floats agree when no element is off by more than 2 % of the largest magnitude; what is no number agrees with nothing.
bool SameElements(DType dtype, std::span<const std::byte> a, std::span<const std::byte> b, bool exact);

}  // namespace octet::serve
