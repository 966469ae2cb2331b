// SPDX-License-Identifier: Apache-2.0
// The pages: one self-contained HTML file (web/) and the few questions it asks, answered from views by a role that can only read.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace octet::fleet {

struct PagesOptions {
  std::string database;  // Connection string; a login with the rights of octet_reader.
  std::string address = "127.0.0.1", cert_file, key_file;
  uint16_t port = 8089;
};

class Pages {
 public:
  static Result<std::unique_ptr<Pages>> Start(const PagesOptions& options);
  virtual ~Pages() = default;
  virtual uint16_t port() const = 0;
  virtual void Stop() = 0;
};

std::string_view PagesHtml();  // Generated from web/; says so itself when npm was not there at build time.

}  // namespace octet::fleet
