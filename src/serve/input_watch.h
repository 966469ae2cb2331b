// SPDX-License-Identifier: Apache-2.0
// Do clients send what the model's metadata promise? Told on the first request that does not fit, and then ever more
// rarely: a client that forgot to normalise gets answers all the same.
#pragma once
#include <atomic>
#include <functional>
#include <mutex>
#include <span>
#include <string>

#include "tflite/value_check.h"

namespace octet::serve {

class InputWatch {
 public:
  explicit InputWatch(const tflite::InputMetadata& promised) : values_(promised), window_(promised) {}
  bool promised() const { return values_.promised(); }
  void SetReport(std::function<void(const std::string&)> report) { report_ = std::move(report); }

  // One request's floats. From any thread.
  void Look(std::span<const std::byte> floats);
  uint64_t outside() const { return outside_.load(std::memory_order_relaxed); }  // Requests that did not fit, of those looked at.

 private:
  void Count(const tflite::ValueCheck& found);

  std::function<void(const std::string&)> report_;
  std::mutex mutex_;
  tflite::ValueCheck values_, window_;  // Of one request; of several, since one may lie in a corner by chance.
  uint64_t seen_ = 0, looked_ = 0, next_report_ = 1;
  std::atomic<uint64_t> outside_{0};
};

}  // namespace octet::serve
