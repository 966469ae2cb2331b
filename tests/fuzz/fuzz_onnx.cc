// SPDX-License-Identifier: Apache-2.0
#include "importers/importer.h"
#include "importers/onnx/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<octet::importers::Finding> findings;
  // The folder does not exist: external data is answered by an error.
  (void)octet::importers::onnx::Import({reinterpret_cast<const std::byte*>(data), size}, "/nonexistent/model.onnx", {}, &findings).ok();
  return 0;
}
