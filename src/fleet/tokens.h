// SPDX-License-Identifier: Apache-2.0
// Live tokens in memory, by their SHA-256: a look-up costs no query, and the collector keeps none in clear.
#pragma once
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "fleet/database.h"

namespace octet::fleet {

struct TokenDevice {
  int id;
  std::string name;
};

class Tokens {
 public:
  // Reads them anew when the database's mark changed.
  Status Refresh(Database& database);
  // Any thread.
  std::optional<TokenDevice> Find(std::string_view token) const;

 private:
  using Map = std::unordered_map<std::string, TokenDevice>;
  mutable std::mutex mutex_;
  std::shared_ptr<const Map> map_ = std::make_shared<Map>();
  std::string mark_;
};

}  // namespace octet::fleet
