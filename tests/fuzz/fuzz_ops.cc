// SPDX-License-Identifier: Apache-2.0
// Plans and runs one operator with any types, shapes, attributes and values.
#include "tests/fuzz/one_op.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) octet::fuzz::RunOneOp({data, size});
  return 0;
}
