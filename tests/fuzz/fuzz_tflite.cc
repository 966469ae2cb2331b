// SPDX-License-Identifier: Apache-2.0
// Loads, prepares and runs whatever passes verification, with small memory and short loops only.
#include <cstdint>
#include <cstring>
#include <vector>

#include "runtime/interpreter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  auto model = octet::runtime::Model::FromBytes(bytes);
  if (!model.ok()) return 0;
  octet::runtime::Options options;
  options.memory_limit_bytes = 1 << 20;
  options.max_calls = 1000;
  auto interpreter = octet::runtime::Interpreter::Create(*model, options);
  if (!interpreter.ok() || !(*interpreter)->Allocate().ok()) return 0;
  for (int i = 0; i < (*interpreter)->num_inputs(); ++i) {
    const octet::runtime::TensorRef in = (*interpreter)->input(i);
    if (in.data) std::memset(in.data, 1, in.bytes);
  }
  (void)(*interpreter)->Invoke().ok();
  return 0;
}
