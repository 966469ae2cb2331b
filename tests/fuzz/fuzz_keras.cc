// SPDX-License-Identifier: Apache-2.0
#include "importers/importer.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const octet::fuzz::MemoryFile file(data, size);
  (void)octet::importers::Import(file.path(), {}).ok();
  return 0;
}
