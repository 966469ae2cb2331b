// SPDX-License-Identifier: Apache-2.0
// What the text form's reader takes is printed as a text that says the same, and may be inferred.
#include <cstdlib>

#include "graph/graph.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet::graph;
  auto model = Parse({reinterpret_cast<const char*>(data), size});
  if (!model.ok()) return 0;
  const std::string text = Print(*model);
  const auto again = Parse(text, &*model);
  if (!again.ok() || Print(*again) != text) std::abort();
  (void)InferModel(*model).ok();
  return 0;
}
