// SPDX-License-Identifier: Apache-2.0
// A node's kernel prepared as if its operands were others: for kernels that are another one behind a small change.
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

// `op` must live while it prepares. What it asks for is here afterwards, and asked for by whoever made it.
class InnerPrepare final : public Prepare {
 public:
  InnerPrepare(Prepare& real, const OpView& op) : Prepare(op, real.cpu, real.threads), real_(real) { most_rows = real.most_rows; }
  void Workspace(size_t bytes) override { workspace_bytes = bytes; }
  // Not what the node's own operands would be packed to.
  Result<const std::byte*> Pack(int i, std::string_view format, uint64_t parameters, size_t bytes, void (*fill)(std::byte*, const void*),
                                const void* context) override {
    return real_.Pack(i, format, parameters | uint64_t{1} << 63, bytes, fill, context);
  }
  void SetRun(RunFn f, const void* with) override { run = f, params = with; }
  void* Allocate(size_t bytes, size_t alignment) override { return real_.Allocate(bytes, alignment); }
  void Keep(void* object, void (*free)(void*)) override { real_.Keep(object, free); }

  size_t workspace_bytes = 0;
  RunFn run = nullptr;
  const void* params = nullptr;

 private:
  Prepare& real_;
};

}  // namespace octet::ops
