// SPDX-License-Identifier: Apache-2.0
// Which handler a request's path belongs to.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "serve/http_server.h"

namespace octet::serve {

struct Route {
  std::string method;
  std::vector<std::string> segments;  // "{}" stands for any one segment.
  Handler blocking;                   // One of the two.
  AsyncHandler async;
  Admit admit;                        // None: all may.
};

class Routes {
 public:
  void Add(std::string_view method, std::string_view pattern, Handler blocking, AsyncHandler async, Admit admit);
  // Null when nothing fits; then *status is 404, or 405 where only the method is wrong.
  const Route* Find(std::string_view method, std::string_view path, std::vector<std::string>* params, int* status) const;

 private:
  std::vector<Route> routes_;
};

// False where a '%' is not followed by two hexadecimal digits.
bool PercentDecode(std::string_view text, std::string* out);

}  // namespace octet::serve
