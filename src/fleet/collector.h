// SPDX-License-Identifier: Apache-2.0
// The HTTP collector: takes batches of lines from devices, each by its own token, and merges many of them in one transaction.
// A device is answered 200 only after the commit. What waits is bounded; beyond that 429, and 503 while the database is away.
#pragma once
#include <memory>
#include <string>

#include "base/status.h"

namespace octet::fleet {

struct CollectorOptions {
  std::string database;              // Connection string; a login with the rights of octet_ingest.
  std::string address = "0.0.0.0", cert_file, key_file;
  uint16_t port = 8088;
  int connections = 2;               // To the database; each has a thread.
  size_t most_waiting_bytes = 64 << 20;
  int maintain_seconds = 60;         // Partitions, late data, retention; roll-ups run as records come.
};

class Collector {
 public:
  static Result<std::unique_ptr<Collector>> Start(const CollectorOptions& options);
  virtual ~Collector() = default;
  virtual uint16_t port() const = 0;
  virtual void Stop() = 0;  // Answers what waits, then ends.
};

}  // namespace octet::fleet
