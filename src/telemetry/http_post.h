// SPDX-License-Identifier: Apache-2.0
// One POST over HTTP or HTTPS, on a connection of its own, with one deadline for all of it.
#pragma once
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace octet::telemetry {

struct Url {
  bool tls = false;
  std::string host, port, path;
};
Result<Url> ParseUrl(const std::string& text);  // http://host[:port]/path

struct PostRequest {
  Url url;
  std::string body, ca_file;  // Whose certificates to trust; empty: the system's.
  std::vector<std::pair<std::string, std::string>> headers;
  std::chrono::milliseconds timeout{15'000};
};

struct PostResponse {
  int status = 0;
  std::string body;  // At most 64 KiB.
  int retry_after_s = -1;
};

// An error when there was no answer: then it is unknown what the other side did.
Result<PostResponse> HttpPost(const PostRequest& request);

}  // namespace octet::telemetry
