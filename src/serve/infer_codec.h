// SPDX-License-Identifier: Apache-2.0
// Between the protocol's tensors and the interpreter's.
#pragma once
#include <vector>

#include "serve/http_server.h"
#include "serve/infer_request.h"
#include "serve/served_model.h"

namespace octet::serve {

// Checks names, types, shapes and sizes. Binary tensors are not copied.
Result<std::vector<BoundInput>> BindInputs(const InferRequest& request, std::span<const TensorSpec> specs);
// Positions of the outputs that the request wants.
Result<std::vector<int>> BindOutputs(const InferRequest& request, std::span<const TensorSpec> specs);
HttpResponse EncodeResponse(const InferRequest& request, const ServedModel& model, const std::vector<int>& wanted, const Outputs& outputs);

}  // namespace octet::serve
