// SPDX-License-Identifier: Apache-2.0
#include "serve/input_watch.h"

namespace octet::serve {
namespace {

constexpr uint64_t kAll = 64, kEvery = 16;  // The first requests, and one of so many later.
constexpr uint64_t kWindow = 32;            // Requests looked at.
constexpr uint64_t kRarer = 10;             // Times as many requests until the next report.

}  // namespace

void InputWatch::Look(std::span<const std::byte> floats) {
  const std::lock_guard lock(mutex_);
  const uint64_t seen = seen_++;
  if (seen >= kAll && seen % kEvery != 0) return;
  const bool full = ++looked_ % kWindow == 0;
  values_.Restart();
  values_.Add(floats);
  window_.Add(floats);
  if (values_.outside()) Count(values_);
  if (!full) return;
  if (!values_.outside() && window_.narrow()) Count(window_);
  window_.Restart();
}

void InputWatch::Count(const tflite::ValueCheck& found) {
  if (++outside_ < next_report_) return;
  next_report_ *= kRarer;
  if (report_) report_(found.Text());
}

}  // namespace octet::serve
