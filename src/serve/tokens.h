// SPDX-License-Identifier: Apache-2.0
// Bearer tokens from a file: one a line, then optionally whose it is. '#' begins a comment.
#pragma once
#include <string>

#include "serve/http_server.h"

namespace octet::serve {

Result<Authorize> TokensFromFile(const std::string& path);

}  // namespace octet::serve
