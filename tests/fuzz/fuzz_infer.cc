// SPDX-License-Identifier: Apache-2.0
// Requests of the Open Inference Protocol: two bytes say how long the JSON part is, the rest is the body.
#include <cstdio>
#include <cstdlib>

#include "serve/infer_codec.h"

using octet::DType;
using octet::Shape;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  static const std::vector<octet::serve::TensorSpec> specs = [] {
    std::vector<octet::serve::TensorSpec> s;
    for (int t = 0; t < 20; ++t)
      if (const auto dtype = static_cast<DType>(t); !octet::serve::WireType(dtype).empty())
        s.push_back({std::string(1, static_cast<char>('a' + t)), dtype, Shape{octet::kUnknown, 2}});
    s.resize(3);  // All must come; with more, hardly any request would be complete.
    s.push_back({"s", DType::kString, Shape{octet::kUnknown}});
    return s;
  }();
  const std::string_view body(reinterpret_cast<const char*>(data + 2), size - 2);
  const size_t json_bytes = data[1] == 255 ? body.size() : data[0] + 256u * data[1];
  const auto request = octet::serve::ParseInferRequest(body, json_bytes);
  if (!request.ok()) return 0;
  (void)octet::serve::BindOutputs(*request, specs);
  const auto bound = octet::serve::BindInputs(*request, specs);
  if (!bound.ok()) return 0;
  for (const octet::serve::BoundInput& in : *bound) {  // What is bound is what the interpreter will copy.
    const DType dtype = specs[static_cast<size_t>(in.index)].dtype;
    uint64_t bytes = 0;
    if (dtype != DType::kString && (!octet::CheckedBytes(dtype, in.shape, &bytes) || bytes != in.bytes.size())) std::abort();
  }
  return 0;
}
