// SPDX-License-Identifier: Apache-2.0
// Prometheus' text format, version 0.0.4.
#pragma once
#include <string>

#include "serve/http_server.h"
#include "serve/repository.h"

namespace octet::serve {

std::string MetricsText(const Repository& repository, const HttpStats& http);

}  // namespace octet::serve
