// SPDX-License-Identifier: Apache-2.0
// Inference requests of the Open Inference Protocol (KServe v2), with the binary tensor extension: a JSON text, and behind
// it the bytes of the tensors that announce a binary_data_size, in their order.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::serve {

std::string_view WireType(DType dtype);  // "FP32"; empty where the protocol has no name for it.
DType FromWireType(std::string_view name);  // kNone when there is none of that name.

// A tensor's elements as JSON had them, flat. All numbers are integers (as int64 bits) or all are doubles.
struct JsonValues {
  std::vector<int64_t> integers;
  std::vector<double> reals;
  std::vector<std::string> texts;
  bool is_real = false, above_int64 = false, negative = false, booleans = false;
  size_t size() const { return integers.size() + reals.size() + texts.size(); }
  void Add(int64_t value);
  void Add(double value);
};

// How the lists of a tensor's data nest.
struct Nesting {
  std::vector<int64_t> lengths = {};  // From the outermost list on; -1: none of this depth has ended.
  std::vector<int64_t> open = {};     // What the lists hold so far that have not ended.
  size_t depth = 0;                   // Of the elements; 0: there are none.
  bool even = true;                   // Lists of one depth are of one length, elements of one depth.
  void Begin();
  void Element();
  void End();
};

struct RequestInput {
  std::string name, datatype;
  std::vector<int64_t> shape;
  bool has_data = false;                  // As JSON; else binary.
  std::optional<uint64_t> binary_bytes;
  JsonValues values;
  Nesting nesting;
  std::span<const std::byte> binary;      // Of the request's body.
};

struct RequestOutput {
  std::string name;
  std::optional<bool> binary;
};

struct InferRequest {
  std::string id;
  bool binary_output = false;             // For outputs that do not say.
  uint64_t timeout_us = 0;                // In the queue; 0: none.
  std::vector<RequestInput> inputs;
  std::vector<RequestOutput> outputs;     // Empty: all.
};

// `json_bytes`: the length of the JSON part, from the header Inference-Header-Content-Length. The body must outlive the request.
Result<InferRequest> ParseInferRequest(std::string_view body, size_t json_bytes);

}  // namespace octet::serve
