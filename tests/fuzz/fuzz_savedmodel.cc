// SPDX-License-Identifier: Apache-2.0
// Frozen graphs, SavedModels and the index of their variables.
#include "importers/importer.h"
#include "importers/savedmodel/table.h"
#include "importers/savedmodel/variables.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet::importers;
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)savedmodel::ReadTable(bytes, "fuzz").ok();
  auto meta = savedmodel::ReadSavedModel(bytes, "fuzz");
  if (meta.ok()) (void)savedmodel::VariableKeys(*meta).ok();
  const octet::fuzz::MemoryFile file(data, size);
  (void)Import(file.path(), {}).ok();
  return 0;
}
