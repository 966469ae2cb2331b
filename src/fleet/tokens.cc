// SPDX-License-Identifier: Apache-2.0
#include "fleet/tokens.h"

#include "fleet/schema.h"

namespace octet::fleet {

Status Tokens::Refresh(Database& database) {
  OCTET_ASSIGN(const Rows mark, database.Query("SELECT fleet.token_mark()"));
  if (mark.text(0, 0) == mark_) return {};
  OCTET_ASSIGN(const Rows rows, database.Query("SELECT encode(hash, 'hex'), device_id, name FROM fleet.live_tokens()"));
  auto map = std::make_shared<Map>();
  map->reserve(static_cast<size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i)
    map->emplace(std::string(rows.text(i, 0)), TokenDevice{static_cast<int>(rows.integer(i, 1)), std::string(rows.text(i, 2))});
  mark_ = mark.text(0, 0);
  const std::lock_guard lock(mutex_);
  map_ = std::move(map);
  return {};
}

std::optional<TokenDevice> Tokens::Find(std::string_view token) const {
  std::shared_ptr<const Map> map;
  {
    const std::lock_guard lock(mutex_);
    map = map_;
  }
  const auto it = map->find(Hex(Sha256(token)));
  if (it == map->end()) return std::nullopt;
  return it->second;
}

}  // namespace octet::fleet
