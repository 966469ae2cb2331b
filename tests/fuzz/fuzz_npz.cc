// SPDX-License-Identifier: Apache-2.0
#include "data/npz.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const octet::fuzz::MemoryFile file(data, size);
  auto archive = octet::data::Archive::Open(file.path());
  if (!archive.ok()) return 0;
  uint64_t sum = 0;  // Every byte promised must be readable.
  for (const octet::data::Array& a : (*archive)->arrays())
    for (std::byte b : a.bytes) sum += static_cast<uint64_t>(b);
  return sum == UINT64_MAX ? 1 : 0;
}
