// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol (KServe v2) over HTTP: health, metadata, inference, with the extensions for binary tensors,
// the model repository, statistics and the model's configuration.
#pragma once
#include "serve/http_server.h"
#include "serve/repository.h"

namespace octet::serve {

// Adds the routes; both must outlive the server's running.
void AddInferenceRoutes(HttpServer* server, Repository* repository, const std::string& version);

}  // namespace octet::serve
